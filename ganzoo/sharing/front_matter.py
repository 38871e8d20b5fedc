"""The head of a model card as the Hugging Face Hub reads it: https://huggingface.co/docs/hub/model-cards."""

from __future__ import annotations

import json

from ganzoo.config import Table
from ganzoo.errors import DISTRIBUTION, escape
from ganzoo.sharing.card import text, title

TASK = "unconditional-image-generation"  # the Hub's only task for images that no text asks for
DATASETS = {
    "mnist": "ylecun/mnist",
    "digits": "ylecun/mnist",
    "fashion-mnist": "zalando-datasets/fashion_mnist",
    "cifar10": "uoft-cs/cifar10",
}
"""What the Hub calls the data that have a page there."""
UNSTATED = "other"


def model_card(card: Table, address: str, licence: str | None = None, again: str | None = None) -> str:
    """README.md of a release at `address`, under `licence` (as the Hub abbreviates it) or what the card says.

    `again` is the command that makes it again.
    """
    head = front_matter(card, licence or card.get("licence") or UNSTATED)
    install = f"```\npip install '{DISTRIBUTION}[hub]'\n```"
    return f"---\n{head}\n---\n\n{text(card, address, again)}\n## Installing\n\n{install}\n"


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
        "model-index": [{"name": title(card), "results": [results(card, data)]}] if scores else [],
    }
    # What no reader of YAML takes, such as C1 controls, has the same escapes there as in JSON.
    return "\n".join(
        f"{key}: {escape(json.dumps(value, ensure_ascii=False))}" for key, value in values.items() if value
    )


def results(card: Table, data: str | None) -> Table:
    """The scores as the Hub shows them beside the card; the protocol is in each name."""
    finite = [score for score in card["scores"] if score["value"] is not None]
    return {
        "task": {"type": TASK},
        "dataset": {"name": card["data"], "type": data or card["data"]},
        "metrics": [{"type": s["metric"], "name": s["name"], "value": s["value"]} for s in finite],
    }
