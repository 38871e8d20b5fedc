"""`ganzoo list`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ganzoo.files import read_json
from ganzoo.losses import LOSSES
from ganzoo.recipes import make, variants
from ganzoo.sampling import shipped
from ganzoo.sharing.card import number


def run(as_json: bool) -> None:
    """Print every variant, and the checkpoints that ship."""
    found = [row(name) for name in variants()]
    if as_json:
        return print(json.dumps(found, indent=2))
    console = Console(highlight=False)
    console.print(as_table([r for r in found if "/" not in r["variant"]]), "")
    console.print(*other_sizes(found), sep="\n")
    if cards := {name: read_json(folder / "card.json") for name, folder in shipped().items()}:
        console.print("", checkpoints(cards))


def row(name: str) -> dict[str, Any]:
    """What there is to say of one variant."""
    config = make(name)
    loss = LOSSES[config.loss["name"]]
    releases = [release for release, folder in shipped().items() if name in makers(folder)]
    return {
        "variant": name,
        "paper": config.about,
        "loss": loss.name,
        "backbone": config.networks.name,
        "discriminator_gives": list(loss.heads),
        "checkpoints": releases,
    }


def makers(release: Path) -> tuple[str, str]:
    """The config that a release was trained from, and the variant that it extends: mnist/wgan-gp and wgan-gp."""
    config = str(read_json(release / "card.json")["variant"])
    return config, config.rpartition("/")[2]


def as_table(rows: list[dict[str, Any]]) -> Table:
    """The variants for a person."""
    table = Table("variant", "what it is", "D gives", box=None, header_style="bold")
    for r in rows:
        table.add_row(r["variant"], r["paper"], ", ".join(r["discriminator_gives"]))
    return table


def other_sizes(rows: list[dict[str, Any]]) -> list[str]:
    """A line for each folder of recipes."""
    named = [r["variant"].split("/") for r in rows if "/" in r["variant"]]
    folders = dict.fromkeys(name[0] for name in named)
    return [f"{folder}/: {', '.join(name[1] for name in named if name[0] == folder)}" for folder in folders]


def checkpoints(cards: Mapping[str, dict[str, Any]]) -> Table:
    """The releases that ship, each with its distance to unseen images and the floor of that."""
    table = Table("checkpoint", "distance", "value", "floor", box=None, header_style="bold")
    for name, card in cards.items():
        fid = next(score for score in card["scores"] if score["metric"] == "fid")
        table.add_row(name, fid["name"], number(fid["value"]), number(fid["floor"]))
    return table
