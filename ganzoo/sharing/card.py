"""card.json for people: Markdown, for the folder and for the Hub."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from ganzoo.config import Table
from ganzoo.errors import escape
from ganzoo.markdown import code, plain, table

Form = Callable[[str], str]

ABSENT = "not looked for yet"


def title(card: Table) -> str:
    """`wgan-gp on mnist`."""
    return f"{card['variant'].rpartition('/')[2]} on {card['data']}"


def text(card: Table, name: str, again: str | None = None) -> str:
    """The card of a release that is called `name` on the command line; `again` is the command that makes it again.

    All that the card says is escaped: it may be a stranger's.
    """
    sample = escape(shlex.join(["ganzoo", "sample", name]))
    rows = facts(card, plain, code)
    parts = [
        f"# {plain(title(card))}",
        linked(plain(card["about"])),
        "![samples of seeds 0, 1, 2, ...](grid.png)",
        f"```\n{sample}\n```",
        table(("", ""), [*rows, ("trained again by", code(again))] if again else rows),
        "## Scores",
        scores(card),
        "## Known faults",
        plain(card.get("faults") or ABSENT),
    ]
    return "\n\n".join(parts) + "\n"


def linked(about: str) -> str:
    """`about` with every arXiv number a link."""
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", about)


def facts(card: Table, prose: Form = str, word: Form = str) -> list[tuple[str, str]]:
    """What was trained, on what, for how long; `prose` and `word` bring what the card says into the form of the page."""
    shape = " x ".join(map(str, card["shape"]))
    rows = {
        "recipe": f"{word(card['variant'])}; every setting in config.json",
        "loss": word(card["loss"]),
        "recipe chosen": prose(card.get("chosen", "")),
        "departs from the paper": prose(card.get("departs", "")),
        "remarks": prose(card.get("remarks", "")),
        "data": prose(f"{card['data']}, {shape} ({card['data_licence'] or 'licence unknown'})"),
        "classes it can be asked for": prose(", ".join(card.get("classes", []))),
        "G steps, D steps": f"{card['steps']:,}, {card['d_steps']:,}",
        "images shown to D": f"{card['images']:,}",
        "seconds": f"{card['seconds']:,.0f}",
        "hardware": prose(card["hardware"]),
        "seed": str(card["seed"]),
        "versions": prose(", ".join(f"{part} {version}" for part, version in card["versions"].items())),
        "weights": prose(f"the running average of G, stored as {card.get('storage', 'float32')}"),
        "licence of the weights": prose(card.get("licence", "")),
        "SHA-256 of generator.safetensors": word(card["sha256"]),
    }
    return [(name, value) for name, value in rows.items() if value]


def scores(card: Table) -> str:
    """Every score with its protocol (its name, see docs/evaluation.md) and what real images have."""
    if not card.get("scores"):
        return "Not measured: `ganzoo evaluate` does it."
    rows = [(plain(score["name"]), value(score), score["better"], floor(score)) for score in card["scores"]]
    note = "The floor is what real images have that are not in the reference."
    return "\n\n".join([table(("score", "value", "better", "floor"), rows), note, *shares(card)])


def shares(card: Table) -> list[str]:
    """One paragraph on how often each class is drawn, where that was counted."""
    found = [f"{plain(name)} {share:.1%}" for name, share in card.get("class_shares", {}).items()]
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
