"""`ganzoo doctor`: failures found in a log, the run over the band of healthy ones, text plots and a picture."""

import json
import math
import textwrap
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any

import typer

from ganzoo import terminal
from ganzoo.atlas.compare import compare
from ganzoo.atlas.csv_log import parse_map, read_csv
from ganzoo.atlas.curves import run_curves
from ganzoo.atlas.store import loss_of, read_atlas
from ganzoo.builder import make_loss
from ganzoo.cli import over_band
from ganzoo.cli.options import Plugins, takes
from ganzoo.cli.over_band import Panel, Picture
from ganzoo.errors import InputError, missing_extra
from ganzoo.losses import Loss
from ganzoo.training.failure_rules import diagnose, rules_without_enough_records
from ganzoo.training.run_dir import RunDir
from ganzoo.training.run_history import Record, loss_history, term_history

BLOCKS = "▁▂▃▄▅▆▇█"
COLUMNS = 80  # width of the output
WIDTH = 29  # characters of a plot
PLOTTED = {
    "norm/d": "D's gradient norm",
    "norm/g": "G's gradient norm",
    "score/apart": "reals above fakes",
    "score/held_out": "over held-out reals",
    "variety/pixels": "pixel diversity",
    "variety/features": "feature diversity",
    "unrest/lately": "recent change",
}
"""Name in the log -> name in the plots."""
SIGNALS = {
    "score/apart": "reals above fakes: share of (real, fake) pairs in which D scores the real image higher; 0.5 is chance",
    "score/held_out": "over held-out reals: share of pairs in which D scores the training image above the held-out one; 1 = "
    "D memorizes",
    "variety/pixels": "diversity: mean distance of two samples over that of two real images, in pixels and in D's features",
    "unrest/lately": "recent change: distance that a latent's image moved in the last 5 records, over that of two reals",
}
"""Name in the log -> explanation below the plots."""


@dataclass(frozen=True)
class OtherLog:
    """Options of a log that another program wrote."""

    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Diagnose the curves of any other program, instead of a run.")
    ] = None
    columns: Annotated[
        str, typer.Option("--map", metavar="SIGNAL=COLUMN,...", help="Columns of the CSV: d=loss_D,g=loss_G,step=iter.")
    ] = "d=d,g=g"
    loss: Annotated[str, typer.Option(help="With --csv: the loss whose band is drawn; default: all losses.")] = ""
    data: Annotated[str, typer.Option(help="With --csv: the data of that band.")] = "digits"
    steps: Annotated[int, typer.Option(min=0, help="With --csv: planned steps; default: the last one of the file.")] = 0


@dataclass(frozen=True)
class Subject:
    """A log to diagnose, with the facts about its run."""

    title: str
    records: list[Record]
    found: list[dict[str, Any]]
    watch: tuple[str, ...]
    loss: str
    data: str
    steps: int
    """Planned steps."""
    picture: Path | None
    """Picture that is drawn without --out."""


@takes(OtherLog)
def doctor(
    run: Annotated[Path | None, typer.Argument(help="A run, finished or still training.")] = None,
    out: Annotated[Path | None, typer.Option(help="Picture, x.png or x.html; default: RUN/doctor.png.")] = None,
    plugin: Plugins = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON, without plots.")] = False,
    *,
    other: OtherLog,
) -> None:
    """Diagnose a run from its log: failures, the band of healthy runs, settings to change."""
    if out is not None:
        over_band.check_form(out)
    if (run is None) == (other.csv is None):
        raise InputError("give a run, as in: ganzoo doctor runs/mine; or a file: --csv FILE --map d=loss_D,g=loss_G")
    report(of_run(run) if run is not None else of_csv(other), out, as_json)


def report(subject: Subject, out: Path | None, as_json: bool) -> None:
    """Print the findings and the comparison with the atlas, and draw the picture."""
    early = rules_without_enough_records(len(subject.records), subject.watch)
    atlas, curves = read_atlas(), run_curves(subject.records, subject.steps)
    compared = compare(atlas, curves, subject.loss, subject.data, subject.steps)
    if as_json:
        table = {"step": subject.records[-1]["step"], "findings": subject.found, "too_few_records": early}
        return terminal.out_lines(json.dumps(table | {"atlas": compared and compared.as_table()}, indent=2))
    said = [*verdict(subject.found), *too_few(len(subject.records), early)]
    for text in (subject.title, *plots(subject.records), "", *over_band.lines(compared), "", *said):
        for line in textwrap.wrap(text, COLUMNS, subsequent_indent="  ", break_on_hyphens=False) or [""]:
            terminal.out(line)
    if path := out or subject.picture:
        bands = atlas.bands(subject.loss, subject.data)
        shown = [*over_band.nearest(compared), *said]
        drawn = Picture(subject.title, subject.steps, raw_panels(subject.records), curves, bands, compared, shown)
        terminal.out(save_picture(drawn, path))


def of_run(folder: Path) -> Subject:
    """A run of ganzoo; raises `InputError`."""
    opened = RunDir.open(folder)
    records = opened.records()
    if not records:
        raise InputError(f"{folder} has logged nothing yet; resume it: ganzoo train --resume {folder}")
    config, loss = opened.config(), make_loss(opened.config())
    found, title = findings(opened, records, loss), headline(opened, records)
    data, steps = config.dataset.name, config.train.steps
    return Subject(title, records, found, loss.watch, loss_of(config), data, steps, folder / "doctor.png")


def of_csv(other: OtherLog) -> Subject:
    """The log of another program, to which the rules for every loss apply; raises `InputError`."""
    assert other.csv is not None
    records = read_csv(other.csv, parse_map(other.columns))
    last = records[-1]["step"]
    if other.steps and other.steps < last:
        raise InputError(f"--steps {other.steps}: {other.csv} has steps to {last}; give the planned steps")
    found = [finding.as_record() for finding in diagnose(records, Loss.watch)]
    title = f"{other.csv}: {len(records)} rows, to step {last:,}"
    return Subject(title, records, found, Loss.watch, other.loss, other.data, other.steps or max(last, 1), None)


def findings(opened: RunDir, records: list[Record], loss: Loss) -> list[dict[str, Any]]:
    """Findings reported during training, plus those of rules that fire on the log only now, by step."""
    reported = opened.findings()
    known = {finding["rule"] for finding in reported}
    read = diagnose(records, loss.watch, loss.d_loss_bounds)
    now = [finding.as_record() for finding in read if finding.rule not in known]
    return sorted(reported + now, key=lambda finding: finding["step"])


def headline(opened: RunDir, records: list[Record]) -> str:
    """The run's folder, variant and progress in one line."""
    config, last = opened.config(), records[-1]
    counts = ", ".join(f"{last[name]:,} {what}" for name, what in (("d_steps", "D steps"), ("g_steps", "G steps")))
    return f"{opened.folder}: {config.variant}, logged to step {last['step']:,} of {config.train.steps:,} ({counts})"


def series(records: list[Record]) -> dict[str, list[float]]:
    """The plotted curves by name, one value per record."""
    losses = {
        f"{player.upper()}'s loss": loss_history(records, player)
        for player in ("d", "g")
        if any(name.startswith(f"{player}/") for record in records for name in record["terms"])
    }
    logged = records[-1]["terms"]
    return losses | {shown: term_history(records, name) for name, shown in PLOTTED.items() if name in logged}


def plots(records: list[Record]) -> list[str]:
    """One line of blocks for each curve, scaled from its minimum to its maximum, and the meaning of the curves."""
    lines = [f"{'':{20 + WIDTH}} {'min':>9} {'max':>9} {'last':>9}"]
    for name, values in series(records).items():
        finite = [value for value in values if math.isfinite(value)] or [math.nan]
        numbers = (min(finite), max(finite), values[-1])
        lines.append(f"{name:<19} {spark(values):{WIDTH}} " + " ".join(f"{number:>9.3g}" for number in numbers))
    return lines + [""] + [text for name, text in SIGNALS.items() if name in records[-1]["terms"]]


def spark(values: list[float]) -> str:
    """At most `WIDTH` blocks, each the mean of its part of `values`; a space if no value of the part is finite."""
    count = min(WIDTH, len(values))
    parts = [values[i * len(values) // count : (i + 1) * len(values) // count] for i in range(count)]
    means = [fmean(finite) if (finite := [v for v in part if math.isfinite(v)]) else math.nan for part in parts]
    known = [mean for mean in means if not math.isnan(mean)]
    span = (max(known) - min(known) or 1) if known else 1
    return "".join(" " if math.isnan(m) else BLOCKS[int((m - min(known)) / span * 7.999)] for m in means)


def verdict(found: list[dict[str, Any]]) -> list[str]:
    """The findings as lines, or one line without findings; early images predict nothing, so no line advises to stop."""
    return [f"[{finding['rule']}] {finding['text']}" for finding in found] or ["no failure found"]


def too_few(records: int, early: dict[str, int]) -> list[str]:
    """One line with the rules that need more records, by the number they need; empty if all rules can judge."""
    needs = sorted(set(early.values()))
    rules = ((", ".join(name for name in early if early[name] == need), need) for need in needs)
    listed = "; ".join(f"{names} (needs {need})" for names, need in rules)
    return [f"too few records ({records}) for: {listed}"] if early else []


def raw_panels(records: list[Record]) -> list[Panel]:
    """The losses and the gradient norms as logged."""
    steps, shown = [record["step"] for record in records], series(records)
    return [
        Panel(title, steps, {name: values for name, values in shown.items() if name.endswith(title)})
        for title in ("loss", "gradient norm")
    ]


def save_picture(picture: Picture, path: Path) -> str:
    """Draw a picture; returns its path, or a hint if a package is missing."""
    try:
        over_band.save(picture, path)
    except ImportError as error:
        return f"no plot: {missing_extra(error.name or 'matplotlib', 'eval', 'the picture of a run')}"
    return str(path)
