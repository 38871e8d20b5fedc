"""The site of docs/: links, anchors, pages of the navigation and names of the API exist, and a strict build passes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")
API = [name for page in PAGES for name in re.findall(r"^::: (\S+)", page.read_text(encoding="utf-8"), re.MULTILINE)]


def prose(page: Path) -> str:
    """The text of a page without its blocks and spans of code."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(page: Path) -> set[str]:
    """The ids of the headings, as Markdown renderers make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in titles}


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_anchor_is_there(page):
    for target, anchor in LINK.findall(prose(page)):
        if target.startswith(("http:", "https:")):
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), target
        assert page.parent == ROOT or path.is_relative_to(DOCS), f"{target} is not part of the site"
        assert not anchor or anchor in anchors(path), f"{target}#{anchor}"


def listed(nav: list[Any]) -> list[str]:
    """The pages of a navigation, in its order."""
    return [
        page
        for entry in nav
        for value in entry.values()
        for page in ([value] if isinstance(value, str) else listed(value))
    ]


def test_the_navigation_has_every_page_once():
    nav = listed(tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"])
    generated = {"table.md"}  # the tables of a comparison, which its report links
    assert sorted(nav) == sorted(str(page.relative_to(DOCS)) for page in PAGES if page.name not in generated)


@pytest.mark.parametrize("name", API)
def test_what_the_api_shows_exists_and_is_documented(name):
    try:
        found = import_module(name)
    except ModuleNotFoundError:
        module, _, member = name.rpartition(".")
        found = getattr(import_module(module), member)
    assert found.__doc__


def test_every_loss_is_in_the_api():
    from ganzoo.losses import LOSSES

    ours = [loss for loss in LOSSES.values() if loss.__module__.startswith("ganzoo.")]
    assert {f"{loss.__module__}.{loss.__qualname__}" for loss in ours} <= {*API}


@pytest.mark.slow
def test_a_strict_build_passes(tmp_path):
    pytest.importorskip("zensical")
    pytest.importorskip("mkdocstrings_handlers.python")
    shutil.copy(ROOT / "zensical.toml", tmp_path)  # a copy, since zensical writes next to what a link points to
    for name in ("docs", "ganzoo", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.json", "*.xz"))
    build = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(build, cwd=tmp_path, env=os.environ | {"NO_COLOR": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "l_d" in (tmp_path / "site/api/losses/index.html").read_text(encoding="utf-8").lower()
