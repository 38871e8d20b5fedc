"""card.json for people: Markdown, for the folder and for the Hub."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ganzoo.config import Table

ABSENT = "not looked for yet"


def title(card: Table) -> str:
    """`wgan-gp on mnist`."""
    return f"{card['variant'].rpartition('/')[2]} on {card['data']}"


def text(card: Table, name: str) -> str:
    """The card of a release that is called `name` on the command line."""
    parts = [
        f"# {title(card)}",
        linked(card["about"]),
        "![samples of seeds 0, 1, 2, ...](grid.png)",
        f"```\nganzoo sample {name}\n```",
        table(("", ""), facts(card)),
        "## Scores",
        scores(card),
        "## Known faults",
        card.get("faults") or ABSENT,
    ]
    return "\n\n".join(parts) + "\n"


def linked(about: str) -> str:
    """`about` with every arXiv number a link."""
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", about)


def facts(card: Table) -> list[tuple[str, str]]:
    """What was trained, on what, for how long."""
    shape = " x ".join(map(str, card["shape"]))
    rows = {
        "recipe": f"`{card['variant']}`; every setting in config.json",
        "loss": f"`{card['loss']}`",
        "recipe chosen": card.get("chosen", ""),
        "departs from the paper": card.get("departs", ""),
        "remarks": card.get("remarks", ""),
        "data": f"{card['data']}, {shape} ({card['data_licence'] or 'licence unknown'})",
        "classes it can be asked for": ", ".join(card.get("classes", [])),
        "G steps, D steps": f"{card['steps']:,}, {card['d_steps']:,}",
        "images shown to D": f"{card['images']:,}",
        "seconds": f"{card['seconds']:,.0f}",
        "hardware": card["hardware"],
        "seed": str(card["seed"]),
        "versions": ", ".join(f"{part} {version}" for part, version in card["versions"].items()),
        "weights": f"the running average of G, stored as {card.get('storage', 'float32')}",
        "licence of the weights": card.get("licence", ""),
        "trained again by": f"`{card['command']}`" if "command" in card else "",
        "SHA-256 of generator.safetensors": f"`{card['sha256']}`",
    }
    return [(name, value) for name, value in rows.items() if value]


def scores(card: Table) -> str:
    """Every score with its protocol (its name, see docs/evaluation.md) and what real images have."""
    if not card.get("scores"):
        return "Not measured: `ganzoo evaluate` does it."
    rows = [(score["name"], value(score), score["better"], floor(score)) for score in card["scores"]]
    note = "The floor is what real images have that are not in the reference."
    return "\n\n".join([table(("score", "value", "better", "floor"), rows), note, *shares(card)])


def shares(card: Table) -> list[str]:
    """One paragraph on how often each class is drawn, where that was counted."""
    found = [f"{name} {share:.1%}" for name, share in card.get("class_shares", {}).items()]
    return [f"Share of each class among the samples, as the classifier sees them: {', '.join(found)}."] if found else []


def value(score: Table) -> str:
    """The value with its spread, of which two digits count."""
    spread = "" if score["spread"] is None else f" ± {score['spread']:.2g}"
    return number(score["value"]) + spread


def floor(score: Table) -> str:
    """The floor, and its n where that is another."""
    if score["floor"] is None:
        return ""
    if score["value_at_floor"] is None:
        return number(score["floor"])
    return f"{number(score['floor'])} at n = {score['floor_n']:,}, where the samples have {number(score['value_at_floor'])}"


def number(value: float | None) -> str:
    """Four digits that count; a number that was not finite is said to be none."""
    return "not finite" if value is None else f"{value:.4g}"


def table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A table in Markdown."""
    cells = [list(head), ["---"] * len(list(head)), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in row)} |" for row in cells)
