"""Model card: card.json as Markdown, for the release folder and for the Hugging Face Hub."""

import json
import re
import shlex
from collections.abc import Callable

from ganzoo.config.tables import Table
from ganzoo.errors import DISTRIBUTION, escape
from ganzoo.evaluation.metrics import notes
from ganzoo.evaluation.score import ScoreRecord, floor_text, value_text
from ganzoo.markup import escape_text, inline_code, markdown_table
from ganzoo.training.release import NEIGHBORS_FILE

Form = Callable[[str], str]

MISSING = "not examined yet"
PLACE = "with the config.json of this release"


def card_title(card: Table) -> str:
    """`wgan-gp on mnist`."""
    return f"{card['variant'].rpartition('/')[2]} on {card['data']}"


def card_markdown(card: Table, name: str) -> str:
    """The card as Markdown; `name` is the release's name on the command line.

    All text of the card is escaped, because a release may come from a stranger.
    """
    sample = escape(shlex.join(["ganzoo", "sample", name]))
    rows = facts_table(card, escape_text, inline_code)
    parts = [
        f"# {escape_text(card_title(card))}",
        link_text(escape_text(card["about"])),
        "![samples of seeds 0, 1, 2, ...](grid.png)",
        f"```\n{sample}\n```",
        markdown_table(
            ("", ""), [*rows, ("repeat the training", f"{inline_code('ganzoo train config.json')}, {PLACE}")]
        ),
        "## Scores",
        scores_table(card),
        *nearest_images(card),
        "## Known faults",
        escape_text(card.get("faults") or MISSING),
    ]
    return "\n\n".join(parts) + "\n"


def link_text(about: str) -> str:
    """`about` with every arXiv number a link."""
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", about)


def facts_table(card: Table, prose: Form = str, word: Form = str) -> list[tuple[str, str]]:
    """Recipe, data, cost and versions as (name, value) rows; `prose` and `word` format the card's text for the page."""
    shape = " x ".join(map(str, card["shape"]))
    rows = {
        "recipe": f"{word(card['variant'])}; every setting in config.json",
        "loss": word(card["loss"]),
        "recipe chosen": prose(card.get("chosen", "")),
        "departs from the paper": prose(card.get("departs", "")),
        "remarks": prose(card.get("remarks", "")),
        "data": prose(f"{card['data']}, {shape} ({card['data_licence'] or 'license unknown'})"),
        "classes": prose(", ".join(card.get("classes", []))),
        "G steps, D steps": f"{card['steps']:,}, {card['d_steps']:,}",
        "images shown to D": f"{card['images']:,}",
        "seconds": f"{card['seconds']:,.0f}",
        "hardware": prose(card["hardware"]),
        "seed": str(card["seed"]),
        "versions": prose(", ".join(f"{part} {version}" for part, version in card["versions"].items())),
        "weights": prose(f"moving average (EMA) of the generator, stored as {card.get('storage', 'float32')}"),
        "license of the weights": prose(card.get("licence", "")),
        "SHA-256 of generator.safetensors": word(card["sha256"]),
    }
    return [(name, value) for name, value in rows.items() if value]


def scores_table(card: Table) -> str:
    """Every score with its floor; the name of a score is its protocol (docs/guide/metrics.md)."""
    if not card.get("scores"):
        return "Not measured yet; run `ganzoo evaluate --save`."
    scores = [ScoreRecord.model_validate(score) for score in card["scores"]]
    rows = [(escape_text(score.name), value_text(score), score.better, floor_text(score)) for score in scores]
    floor = "The floor is the score of real images that are not in the reference."
    remarks = [link_text(escape_text(note)) for note in notes(score.metric for score in scores)]
    table = markdown_table(("score", "value", "better", "floor"), rows)
    return "\n\n".join([table, floor, *remarks, *class_share_table(card)])


def nearest_images(card: Table) -> list[str]:
    """The section with the picture of nearest training images, if the release has it."""
    if not card.get("neighbors"):
        return []
    legend = "Each row: the sample of a seed, then the training images nearest to it by the extractor's features."
    return ["## Nearest training images", legend, f"![samples and their nearest training images]({NEIGHBORS_FILE})"]


def class_share_table(card: Table) -> list[str]:
    """One paragraph with the share of each class among the samples, if the card has it."""
    found = [f"{escape_text(name)} {share:.1%}" for name, share in card.get("class_shares", {}).items()]
    return [f"Share of each class among the samples, as classified: {', '.join(found)}."] if found else []


TASK = "unconditional-image-generation"  # the Hub's only task for images without a text prompt
DATASETS = {
    "mnist": "ylecun/mnist",
    "digits": "ylecun/mnist",
    "fashion-mnist": "zalando-datasets/fashion_mnist",
    "cifar10": "uoft-cs/cifar10",
}
"""Data set -> its page on the Hub."""
UNSTATED = "other"


def model_card(card: Table, address: str, licence: str | None = None) -> str:
    """README.md of a release at `address`, under `licence` (the Hub's identifier) or that of the card."""
    head = front_matter(card, licence or card.get("licence") or UNSTATED)
    install = f"```\npip install '{DISTRIBUTION}[hub]'\n```"
    return f"---\n{head}\n---\n\n{card_markdown(card, address)}\n## Installing\n\n{install}\n"


def front_matter(card: Table, licence: str) -> str:
    """The YAML front matter, one `key: value` per line; each value is JSON, which is valid YAML."""
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
    # Characters that YAML readers refuse, such as C1 controls, have the same escapes in YAML as in JSON.
    return "\n".join(
        f"{key}: {escape(json.dumps(value, ensure_ascii=False))}" for key, value in values.items() if value
    )


def results_metadata(card: Table, data: str | None) -> Table:
    """The scores as metadata, which the Hub shows next to the card; each name states its protocol."""
    finite = [score for score in card["scores"] if score["value"] is not None]
    return {
        "task": {"type": TASK},
        "dataset": {"name": card["data"], "type": data or card["data"]},
        "metrics": [{"type": s["metric"], "name": s["name"], "value": s["value"]} for s in finite],
    }
