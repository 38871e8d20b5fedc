"""Gallery: one static HTML page with samples, scores, facts and training command of each checkpoint."""

import base64
import io
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import markupsafe  # comes with torch
from markupsafe import Markup

from ganzoo.atomic_io import write_bytes
from ganzoo.builder import needs_plugin
from ganzoo.config.tables import Table
from ganzoo.errors import InputError, escape
from ganzoo.evaluation.metrics import notes
from ganzoo.evaluation.score import ScoreRecord, floor_text, value_text
from ganzoo.image_io import encode, to_pil
from ganzoo.markup import environment
from ganzoo.parts import plugin_arguments
from ganzoo.release.card import facts_table
from ganzoo.sampling import Sampler
from ganzoo.sampling.checkpoints import find_checkpoint
from ganzoo.ui.collection import Collection

HERE = Path(__file__).parent
STYLE = HERE.parent / "experiments/report"
"""Folder of report.css, whose colors, fonts and tables the gallery shares."""
MARK = b'<meta name="generator" content="ganzoo gallery">'
ELSEWHERE = "SHA-256 of generator.safetensors"  # shown below the other facts


def write_gallery(found: Collection, folder: Path, plugins: Sequence[Path] = ()) -> Path:
    """Write `folder`/index.html, a single self-contained file; commands that need the `plugins` name them.

    An existing gallery is replaced; raises `InputError` for any other page.
    """
    path = folder / "index.html"
    if path.is_file() and MARK not in path.read_bytes():
        raise InputError(f"{path} is not a ganzoo gallery and would be overwritten; name another folder with --out")
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(path, page(found, plugins).encode())
    return path


def page(found: Collection, plugins: Sequence[Path] = ()) -> str:
    """The HTML of the page."""
    entries = [entry(name, sampler, plugins) for name, sampler in found.samplers.items()]
    return render("gallery.html.j2", entries=entries, left_out=found.left_out)


def entry(name: str, sampler: Sampler, plugins: Sequence[Path]) -> dict[str, Any]:
    """The template values of one checkpoint; facts missing from its card are left out."""
    card, png = sampler.card, encode(to_pil(sampler.grid()))
    again = plugin_arguments(plugins) if needs_plugin(sampler.config) else []
    return {
        "name": name,
        "about": card["about"],
        "source": data_uri(png),
        "size": png_size(png),
        "shown": shown(sampler),
        "brief": brief(card),
        "scores": list(scores(card)),
        "notes": notes(score["metric"] for score in card.get("scores", [])),
        "faults": card.get("faults"),
        "facts": [(key, text) for key, text in facts_table(card) if key != ELSEWHERE],
        "sha256": card["sha256"],
        "sample": shlex.join(["ganzoo", "sample", name, *again]),
        "train": shlex.join(["ganzoo", "train", str(find_checkpoint(name) / "config.json"), *again]),
    }


def shown(sampler: Sampler) -> str:
    """The caption of the sample grid."""
    if sampler.is_points:
        return "points of seeds 0, 1, 2, ..., over the true modes if they are known"
    columns = "one class a column" if sampler.class_names else "row by row"
    return f"seeds 0, 1, 2, ..., {columns}"


def brief(card: Table) -> str:
    """Data, steps, images and seconds in one line."""
    return f"{card['data']}, {card['steps']:,} steps, {card['images']:,} images, {card['seconds']:,.0f} s"


def scores(card: Table) -> Iterator[dict[str, str]]:
    """Each score of a card with its floor, as text."""
    for score in map(ScoreRecord.model_validate, card.get("scores", [])):
        yield {"name": score.name, "value": value_text(score), "better": score.better, "floor": floor_text(score)}


def render(template: str, **content: Any) -> str:
    """Render a template of this folder; every string in it is escaped."""
    templates = environment(HERE, STYLE)
    templates.filters["linked"] = link_text
    return templates.get_template(template).render(content)


def link_text(about: str) -> Markup:
    """`about`, escaped, with every arXiv number a link."""
    link = r'<a href="https://arxiv.org/abs/\1">arXiv:\1</a>'
    return Markup(re.sub(r"arXiv:(\d{4}\.\d{4,5})", link, str(markupsafe.escape(escape(about)))))


def data_uri(png: bytes) -> str:
    """A PNG as a data URI, for the `src` of an image."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def png_size(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG in pixels."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        return image.size
