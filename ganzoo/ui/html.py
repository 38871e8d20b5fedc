"""Pages of HTML: one file each, which fetches nothing from the network, in the style of the report of a comparison."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

import markupsafe  # comes with torch
from markupsafe import Markup

from ganzoo.errors import escape
from ganzoo.html_page import environment

HERE = Path(__file__).parent
STYLE = HERE.parent / "experiments/report"
"""Where report.css is: colours, letters and tables are the report's."""


def render(template: str, **content: Any) -> str:
    """The page of a template of this folder; every string in it is escaped."""
    templates = environment(HERE, STYLE)
    templates.filters["linked"] = link_text
    return templates.get_template(template).render(content)


def link_text(about: str) -> Markup:
    """`about`, escaped, with every arXiv number a link."""
    link = r'<a href="https://arxiv.org/abs/\1">arXiv:\1</a>'
    return Markup(re.sub(r"arXiv:(\d{4}\.\d{4,5})", link, str(markupsafe.escape(escape(about)))))


def data_uri(png: bytes) -> str:
    """A PNG as what an image can have for a source."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def png_size(png: bytes) -> tuple[int, int]:
    """Its width and height in pixels."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        return image.size
