"""`ganzoo list`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from ganzoo import terminal
from ganzoo.config.recipes import make_config, variants
from ganzoo.errors import escape
from ganzoo.evaluation.score import ScoreRecord
from ganzoo.json_io import read_record
from ganzoo.losses import LOSSES
from ganzoo.release.card import format_number
from ganzoo.sampling import shipped_releases
from ganzoo.training.release import Card


def run(as_json: bool) -> None:
    """Print every variant, and the checkpoints that ship."""
    found = [row(name) for name in variants()]
    if as_json:
        return terminal.out_lines(json.dumps(found, indent=2))
    console = terminal.console()
    console.print(as_table([r for r in found if "/" not in r["variant"]]), "")
    console.print(*map(escape, other_sizes(found)), sep="\n")
    if cards := {name: card(folder) for name, folder in shipped_releases().items()}:
        console.print("", checkpoints(cards))


def row(name: str) -> dict[str, Any]:
    """What there is to say of one variant."""
    config = make_config(name)
    loss = LOSSES[config.loss["name"]]
    releases = [release for release, folder in shipped_releases().items() if name in makers(folder)]
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
    config = card(release).variant
    return config, config.rpartition("/")[2]


def card(release: Path) -> Card:
    """What a release says of itself."""
    return read_record(release / "card.json", Card)


def as_table(rows: list[dict[str, Any]]) -> Table:
    """The variants for a person."""
    shown = [(r["variant"], r["paper"], ", ".join(r["discriminator_gives"])) for r in rows]
    return terminal.table(("variant", "what it is", "D gives"), shown)


def other_sizes(rows: list[dict[str, Any]]) -> list[str]:
    """A line for each folder of recipes."""
    named = [r["variant"].split("/") for r in rows if "/" in r["variant"]]
    folders = dict.fromkeys(name[0] for name in named)
    return [f"{folder}/: {', '.join(name[1] for name in named if name[0] == folder)}" for folder in folders]


def checkpoints(cards: Mapping[str, Card]) -> Table:
    """The releases that ship, each with its distance to unseen images and the floor of that."""
    rows = [(name, *distance(card.scores)) for name, card in cards.items()]
    return terminal.table(("checkpoint", "distance", "value", "floor"), rows)


def distance(scores: Sequence[ScoreRecord]) -> tuple[str, str, str]:
    """The first FID among `scores` with its value and floor; empty where there is none."""
    fid = next((score for score in scores if score.metric == "fid"), None)
    return ("", "", "") if fid is None else (fid.name, format_number(fid.value), format_number(fid.floor))
