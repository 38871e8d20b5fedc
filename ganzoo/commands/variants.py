"""`ganzoo list`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ganzoo.files import read_json
from ganzoo.losses import LOSSES
from ganzoo.recipes import make, variants
from ganzoo.sampling import shipped


def run(as_json: bool) -> None:
    """Print every variant."""
    found = [row(name) for name in variants()]
    print(json.dumps(found, indent=2)) if as_json else Console().print(as_table(found))


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
    """The rows for a person."""
    table = Table("variant", "paper", "backbone", "D gives", "checkpoint", box=None, header_style="bold")
    for r in rows:
        table.add_row(
            r["variant"], r["paper"], r["backbone"], ", ".join(r["discriminator_gives"]), ", ".join(r["checkpoints"])
        )
    return table
