"""Train and score the bundled releases, and write each to a folder next to this file.

    python checkpoints/make.py RUNS [NAME ...] [--jobs 2] [--measure-again]

A NAME is a release, as in wgan-gp-mnist; without one, all of them. Each is an ordinary run folder below RUNS with one thread:
an interrupted one is resumed, a release that is there is left as it is, or with --measure-again only measured. Needs the
extras eval and, for Fashion-MNIST, lite0.
What is seen in the samples is written into faults.toml and put into the cards the next time. The table goes to
docs/reports/checkpoints.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))  # tools/ is no installed package
PAGE = HERE.parent / "docs/reports/checkpoints.md"
MNIST = "wgan-gp hinge rpgan nsgan lsgan dragan wgan minimax coulomb ebgan began acgan cgan infogan".split()
FASHION = "wgan-gp hinge rpgan acgan cgan".split()
CIFAR10 = "cgan acgan nsgan".split()
FOLDERS = {
    "mnist": MNIST,
    "fashion-mnist": FASHION,
    "cifar10-small": CIFAR10,
    "letters": ["cgan"],
    "emoji": ["photos"],
}
RELEASES = {f"{v}-{folder.removesuffix('-small')}": f"{folder}/{v}" for folder, names in FOLDERS.items() for v in names}
"""Bundled release -> its recipe."""
LICENCE = "mit"
REMARKS = {
    "cifar10-small": "A small model that one CPU core trains in about an hour, not the CNN and the 100,000 steps of "
    "pytorch-gan-collections (papers/cifar10/ has recipes of that length, none of them trained to its end). The images came "
    "from .npz files that hold the five batches in their order, not from torchvision's archive.",
    "letters": "The letters A to Z of 1,416 faces, drawn by examples/06_letters.py from the packages of Debian 12 in "
    "examples/06_letters_fonts.txt, with free licenses; every fifth face is the test split.",
    "emoji": "The pictures are Microsoft's Fluent emoji (MIT license) from the npm package @lobehub/fluent-emoji-3d 1.1.0, "
    "without skin-tone variants, prepared by examples/09_emoji.py, which puts every tenth into the test split.",
}
"""Folder of recipes -> remark on the cards."""
BY_TEST = "by the FID of trials against the test split, the split of the scores below, which are therefore optimistic"
CHOSEN = {
    "mnist": BY_TEST,
    "fashion-mnist": "for MNIST, by the FID of trials against MNIST's test split; no trial was on Fashion-MNIST",
    "cifar10-small": BY_TEST,
    "letters": "for the embedded digits, by the FID of trials against their training split (docs/reports/laptop-trials.md); "
    "no trial was on letters",
    "emoji": "by trials against the training split, and by a run at 64 pixels that failed (docs/reports/photos-trials.md)",
}
"""Choice of the recipes of each folder (docs/reports/recipes.md)."""
DEPARTS = {
    "acgan": "D learns classes from reals alone (classify_fakes = false); in the paper also from fakes, with which few "
    "samples of our trials on digits showed the class that was asked for (docs/reports/recipes.md)"
}
"""Variant -> difference between its objective and the paper's."""
COLUMNS = ("fid", "kid", "precision", "recall", "coverage", "class_accuracy")
HEAD = ("release", *COLUMNS, "G steps", "seconds", "MB")


def make(name: str, runs: Path) -> None:
    """Train or resume the run of one release, score it and write its folder; an existing release stays unchanged."""
    from tools.finish_release import finish
    from tools.judge_release import judge

    folder = HERE / name
    if folder.exists():
        return
    run = trained(RELEASES[name], runs / name)
    finish(run, folder, judge, told(name))


def measure_again(name: str) -> None:
    """Score an existing release again and update its card."""
    from ganzoo.sampling import load
    from tools.finish_release import print_summary
    from tools.judge_release import judge

    print_summary(HERE / name, judge(load(HERE / name)))


def trained(variant: str, run: Path) -> Path:
    """Train or resume the run of a recipe; returns its folder."""
    from ganzoo import api
    from ganzoo.config.recipes import make_config as config

    if (run / "config.json").exists():
        return api.resume(run)
    return api.train(config(variant), out=run)


def told(name: str) -> dict[str, str]:
    """Facts for the card of a release that are not in its run; faults only if they are in faults.toml."""
    faults = tomllib.loads((HERE / "faults.toml").read_text(encoding="utf-8"))
    folder, _, variant = RELEASES[name].partition("/")
    words = {
        "faults": faults.get(name),
        "remarks": REMARKS.get(folder),
        "chosen": CHOSEN.get(folder),
        "departs": DEPARTS.get(variant),
    }
    fixed = {"licence": LICENCE, "command": f"python checkpoints/make.py RUNS {name}"}
    return fixed | {key: text for key, text in words.items() if text}


def tell_all() -> None:
    """Update the cards of the existing releases with `told`."""
    from ganzoo.json_io import read_table
    from ganzoo.training.release import Card
    from tools.finish_release import print_summary

    for name in filter(is_there, RELEASES):
        words = told(name)
        if not words.items() <= read_table(HERE / name / "card.json", Card).items():
            print_summary(HERE / name, words)


def is_there(name: str) -> bool:
    """True if a release exists."""
    return (HERE / name / "card.json").exists()


def write_page() -> None:
    """The tables of all releases that are there, in docs/reports/checkpoints.md: one for each protocol."""
    from ganzoo.json_io import read_table
    from ganzoo.training.release import Card

    cards = {name: read_table(HERE / name / "card.json", Card) for name in RELEASES if is_there(name)}
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    parts = [part(protocol, cards) for protocol in dict.fromkeys(map(protocol_of, cards.values()))]
    PAGE.write_text("\n".join([INTRODUCTION, *parts]), encoding="utf-8")


def protocol_of(card: dict) -> str:
    """The protocol of a release's scores, as in digits@10k/test."""
    return against_test(card)["fid"]["name"].removeprefix("fid-")


def against_test(card: dict) -> dict[str, dict]:
    """The scores of a release by metric, without those against the training split."""
    return {score["metric"]: score for score in card["scores"] if score["split"] in ("test", None)}


def part(protocol: str, cards: dict[str, dict]) -> str:
    """Heading and table of the releases of one protocol."""
    from ganzoo.markup import markdown_table

    rows = [row(name, card) for name, card in cards.items() if protocol_of(card) == protocol]
    shown = [i for i in range(len(HEAD)) if any(cells[i] for cells in rows)]
    return (
        f"## {protocol}\n\n{markdown_table([HEAD[i] for i in shown], [[cells[i] for i in shown] for cells in rows])}\n"
    )


INTRODUCTION = """# The bundled checkpoints

Scores and cost of the 24 releases in the package. In brackets after each score stands its [floor](../glossary.md#floor), the
score of real images. Written by `python checkpoints/make.py RUNS` from the cards of the releases, which have every score in
full and the faults seen in the samples.

Scores of two protocols are different quantities. `acgan` and `cgan` get classes as frequent as in the training split; on MNIST
they were measured again for that, with KID in float64, whose floor is then 2.416 ([metrics](../guide/metrics.md)).

**The recipes were chosen by the FID against the test split, which is the split of these scores**, so the scores are
optimistic. (The recipes on Fashion-MNIST are MNIST's, chosen by MNIST's test split. Those on letters and emoji were chosen
without a test split.) From now on recipes are chosen on the training split, and a release is scored on the test split once
([trials](recipes.md)). Scores of one protocol compare only on the same data.
"""


def row(name: str, card: dict) -> list[str]:
    """One row of the table: the scores against the test split, each with its floor."""
    found = against_test(card)
    size = (HERE / name / "generator.safetensors").stat().st_size / 1e6
    cells = [cell(found.get(metric)) for metric in COLUMNS]
    return [f"`{name}`", *cells, f"{card['steps']:,}", f"{card['seconds']:,.0f}", f"{size:.2f}"]


def cell(score: dict | None) -> str:
    """A score with its floor as text; empty without a score."""
    from ganzoo.evaluation.score import format_number

    if score is None:
        return ""
    return format_number(score["value"]) + (f" ({format_number(score['floor'])})" if score["floor"] is not None else "")


def make_each(names: Sequence[str], runs: Path, jobs: int) -> list[str]:
    """Run `alone` for each release in a separate process with one thread, `jobs` at a time; returns the failed ones."""

    def work(name: str) -> int:
        command = [sys.executable, __file__, str(runs), name, "--alone"]
        return subprocess.run(command, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"}).returncode

    with ThreadPoolExecutor(jobs) as pool:
        codes = list(pool.map(work, names))
    return [name for name, code in zip(names, codes, strict=True) if code]


def alone(name: str, runs: Path) -> int:
    """`make` a release, or `measure_again` if it exists; returns the exit code."""
    from ganzoo.errors import InputError, Interrupted, TrainingFailed

    try:
        measure_again(name) if is_there(name) else make(name, runs)
    except (InputError, Interrupted, TrainingFailed) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    print(f"{name}: done", file=sys.stderr)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Make missing releases, then update cards and page; returns 1 if a release failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--measure-again", action="store_true", help="score existing releases again with the current protocol"
    )
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if wrong := [name for name in given.names if name not in RELEASES]:
        parser.error(f"no release is called {', '.join(wrong)}; choose from: {', '.join(RELEASES)}")
    if given.alone:
        return alone(given.names[0], given.runs)
    wanted = [name for name in given.names or RELEASES if given.measure_again or not is_there(name)]
    failed = make_each(wanted, given.runs, given.jobs)
    tell_all()
    write_page()
    print(f"failed: {', '.join(failed)}" if failed else "done", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
