"""`ganzoo data`: a sheet of training images as the network sees them, and facts about their files."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from ganzoo import api, terminal
from ganzoo.cli.options import Plugins, Scale, Settings, takes
from ganzoo.config.overrides import overrides
from ganzoo.config.recipes import make_config
from ganzoo.config.schema import Config
from ganzoo.config.tables import flatten, merge
from ganzoo.data import BatchLoader, Dataset, find_source, summarize
from ganzoo.errors import InputError
from ganzoo.image_io import draw_sheet, save_png
from ganzoo.run_data import load_dataset

IMAGES = 64
COLUMNS = 8
CLASSES = 30  # listed in the terminal


@dataclass(frozen=True)
class Preview:
    """Options of `data`, as typed."""

    size: Annotated[int | None, typer.Option(help="Height and width of the images in pixels.")] = None
    settings: Settings = field(default_factory=list)
    out: Annotated[Path | None, typer.Option(help="PNG of the first 64 images; default: <data>-data.png.")] = None
    scale: Scale = 1
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
    plugin: Plugins = None

    def config(self, spec: str) -> Config:
        """The config of the data; raises `InputError` for settings that change nothing here."""
        given = overrides(self.settings)
        if other := next((key for key in flatten(given) if key.partition(".")[0] not in ("data", "seed")), None):
            raise InputError(f"--set {other} changes nothing in the data; this command takes data.KEY and seed")
        return make_config(None, merge(given, api.given_settings(data=spec, size=self.size)))


@takes(Preview)
def data(
    spec: Annotated[str, typer.Argument(help="digits, mnist, folder:PATH, npz:PATH, ...")],
    *,
    preview: Preview,
) -> None:
    """Show a data set as a training run sees it: classes, sizes, duplicates, files left out, and the first 64 images."""
    config, out = preview.config(spec), preview.out
    if out is not None and out.suffix.lower() != ".png":
        raise InputError(f"--out {out}: expected a name that ends in .png")
    dataset = load_dataset(config, quiet=preview.as_json)
    out = out or Path(f"{dataset.name}-data.png")
    facts = describe(dataset, spec) | {"sheet": str(out)}
    write_sheet(dataset, config, out, preview.scale)
    if preview.as_json:
        return terminal.out_lines(json.dumps(facts, indent=2))
    for line in as_text(facts):
        terminal.out(line)


def write_sheet(dataset: Dataset, config: Config, out: Path, scale: int) -> None:
    """Write the images that a run with this config draws first, mirrored where it mirrors them."""
    batches = BatchLoader(dataset, config.seed, config.data.flip)
    save_png(draw_sheet(batches.next(min(IMAGES, len(dataset))).images, COLUMNS), out, scale)


def describe(dataset: Dataset, spec: str) -> dict[str, Any]:
    """The facts of a data set as JSON values; those of its files are null if they were not kept."""
    summary, skipped = summarize(dataset), dataset.facts.skipped if dataset.facts else ()
    reasons = find_source(spec).left_out("train") | ({"unreadable": len(skipped)} if skipped else {})
    return {
        "name": dataset.name,
        "count": len(dataset),
        "shape": dataset.shape,
        "classes": dict(zip(dataset.class_names, dataset.class_counts.tolist(), strict=True)),
        "sizes": summary and {name: getattr(summary, name) for name in ("median", "smallest", "largest")},
        **{
            key: summary and getattr(summary, key) for key in ("duplicates", "small", "nearly_black", "gray", "removed")
        },
        "left_out": [{"reason": reason, "count": count} for reason, count in reasons.items()],
        "notes": [] if summary is None else list(summary.notes()),
    }


def as_text(facts: dict[str, Any]) -> Iterator[str]:
    """The lines of the terminal."""
    channels, height, width = facts["shape"]
    many, kind = facts["count"] != 1, "point" if height * width == 1 else "image"
    pixels = f" of {width} x {height}, {'color' if channels == 3 else 'gray'}" if kind == "image" else ""
    yield f"{facts['name']}: {facts['count']:,} {kind}{'s' * many}{pixels}"
    yield f"classes: {as_counts(facts['classes'])}"
    if facts["sizes"]:
        yield "sizes: " + ", ".join(f"{name} {wide} x {high}" for name, (wide, high) in facts["sizes"].items())
        yield f"duplicates: {facts['duplicates']:,}"
    elif kind == "image":
        yield "sizes, duplicates: unknown, because an earlier version prepared this set; delete its folder in the cache"
    for each in facts["left_out"]:
        yield f"left out: {each['count']:,} ({each['reason']})"
    yield from facts["notes"]
    yield f"{facts['sheet']}: the first {min(IMAGES, facts['count'])} as the network sees them"


def as_counts(classes: dict[str, int]) -> str:
    """The classes with their numbers of images; of many, the first."""
    shown = [f"{name} {count:,}" for name, count in list(classes.items())[:CLASSES]]
    more = [f"and {len(classes) - CLASSES:,} more (--json lists all)"] if len(classes) > CLASSES else []
    return ", ".join(shown + more) or "none"
