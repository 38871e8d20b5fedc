"""card.json for people: Markdown, for the folder and for the Hub."""

import json
import re
import shlex
from collections.abc import Callable

from ganzoo.config.schema import Table
from ganzoo.errors import DISTRIBUTION, escape
from ganzoo.evaluation.score import ScoreRecord, floor_text, value_text
from ganzoo.markup import escape_text, inline_code, markdown_table

Form = Callable[[str], str]

MISSING = "not looked for yet"
PLACE = "with the config.json of this release"


def card_title(card: Table) -> str:
    """`wgan-gp on mnist`."""
    return f"{card['variant'].rpartition('/')[2]} on {card['data']}"


def card_markdown(card: Table, name: str) -> str:
    """The card of a release that is called `name` on the command line.

    All that the card says is escaped: it may be a stranger's.
    """
    sample = escape(shlex.join(["ganzoo", "sample", name]))
    rows = facts_table(card, escape_text, inline_code)
    parts = [
        f"# {escape_text(card_title(card))}",
        link_text(escape_text(card["about"])),
        "![samples of seeds 0, 1, 2, ...](grid.png)",
        f"```\n{sample}\n```",
        markdown_table(("", ""), [*rows, ("trained again by", f"{inline_code('ganzoo train config.json')}, {PLACE}")]),
        "## Scores",
        scores_table(card),
        "## Known faults",
        escape_text(card.get("faults") or MISSING),
    ]
    return "\n\n".join(parts) + "\n"


def link_text(about: str) -> str:
    """`about` with every arXiv number a link."""
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", about)


def facts_table(card: Table, prose: Form = str, word: Form = str) -> list[tuple[str, str]]:
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


def scores_table(card: Table) -> str:
    """Every score with its protocol (its name, see docs/evaluation.md) and what real images have."""
    if not card.get("scores"):
        return "Not measured: `ganzoo evaluate` does it."
    scores = [ScoreRecord.model_validate(score) for score in card["scores"]]
    rows = [(escape_text(score.name), value_text(score), score.better, floor_text(score)) for score in scores]
    note = "The floor is what real images have that are not in the reference."
    return "\n\n".join([markdown_table(("score", "value", "better", "floor"), rows), note, *class_share_table(card)])


def class_share_table(card: Table) -> list[str]:
    """One paragraph on how often each class is drawn, where that was counted."""
    found = [f"{escape_text(name)} {share:.1%}" for name, share in card.get("class_shares", {}).items()]
    return [f"Share of each class among the samples, as the classifier sees them: {', '.join(found)}."] if found else []


TASK = "unconditional-image-generation"  # the Hub's only task for images that no text asks for
DATASETS = {
    "mnist": "ylecun/mnist",
    "digits": "ylecun/mnist",
    "fashion-mnist": "zalando-datasets/fashion_mnist",
    "cifar10": "uoft-cs/cifar10",
}
"""What the Hub calls the data that have a page there."""
UNSTATED = "other"


def model_card(card: Table, address: str, licence: str | None = None) -> str:
    """README.md of a release at `address`, under `licence` (as the Hub abbreviates it) or what the card says."""
    head = front_matter(card, licence or card.get("licence") or UNSTATED)
    install = f"```\npip install '{DISTRIBUTION}[hub]'\n```"
    return f"---\n{head}\n---\n\n{card_markdown(card, address)}\n## Installing\n\n{install}\n"


def front_matter(card: Table, licence: str) -> str:
    """One `key: value` a line, each value as JSON, which is YAML too."""
    variant = card["variant"].rpartition("/")[2]
    data, scores = DATASETS.get(card["data"]), card.get("scores", [])
    values = {
        "license": licence,
        "library_name": "ganzoo",
        "pipeline_tag": TASK,
        "tags": ["gan", "pytorch", "safetensors", variant],
        "datasets": [data] if data else [],
        "metrics": list(dict.fromkeys(score["metric"] for score in scores)),
        "model-index": [{"name": card_title(card), "results": [results_metadata(card, data)]}] if scores else [],
    }
    # What no reader of YAML takes, such as C1 controls, has the same escapes there as in JSON.
    return "\n".join(
        f"{key}: {escape(json.dumps(value, ensure_ascii=False))}" for key, value in values.items() if value
    )


def results_metadata(card: Table, data: str | None) -> Table:
    """The scores as the Hub shows them beside the card; the protocol is in each name."""
    finite = [score for score in card["scores"] if score["value"] is not None]
    return {
        "task": {"type": TASK},
        "dataset": {"name": card["data"], "type": data or card["data"]},
        "metrics": [{"type": s["metric"], "name": s["name"], "value": s["value"]} for s in finite],
    }
