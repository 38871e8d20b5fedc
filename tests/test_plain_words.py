"""Banned phrases and docstring openings (docs, docstrings, comments, strings): the prose keeps to plain English."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BANNED = re.compile(
    r"""\b(anew | laid\ upon | gone\ through | work(s|ed|ing)?\ off | sittings? | so\ many | for\ a\ person | go(es)?\ on
    | (is|are)\ (?-i:none) | of\ (its|their|his)\ own | beside | told | said | whatever | by\ itself | for\ nothing
    | a\ trifle | in\ the\ place\ of | but\ for | of\ ours | all\ the\ same(?=[.,;:]) | mend
    | a\ training(?=[.,;:]|\ (is|that|was)) | colou\w+ | grey\w* | optimis(e|ed|er|ers|ation) | neighbou\w+
    | centres? | misspelt)\b""",
    re.VERBOSE | re.IGNORECASE,
)
NAMES = re.compile(r"`[^`]*`|--\w[\w-]*|\{[^{}]*\}|[\w/]+\.(md|py|toml)\b|\]\([^)]*\)|\w*(_\w+)+")
"""Code, flags, file names and identifiers, which are not prose."""
OPENING = re.compile(r"(what|whether|how|which|where|who)\b", re.IGNORECASE)
NOT_YET = ["docs/reports/growth.md"]  # quotes names of a measured file
"""Paths that may keep a banned phrase, with the reason."""
PLACES = """ganzoo/**/*.py ganzoo/**/*.j2 tools/*.py benchmarks/*.py checkpoints/*.py checkpoints/**/*.md checkpoints/*.toml
docs/**/*.md zoo_configs/**/*.toml *.md"""
DIRTY = {path for entry in NOT_YET for path in (ROOT / entry, *(ROOT / entry).rglob("*"))}
CLEAN = sorted({path for place in PLACES.split() for path in ROOT.glob(place)} - DIRTY)
IDENTIFIER = re.compile(r"[\w.-]*")


def prose(path: Path) -> Iterator[str]:
    """Comments and strings of a module, comments of a recipe, or the text of a page without its code blocks."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        strings = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
        yield from (each for each in strings if isinstance(each, str) and not IDENTIFIER.fullmatch(each))
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        yield from (token.string for token in tokens if token.type == tokenize.COMMENT)
    elif path.is_relative_to(ROOT / "zoo_configs"):
        yield from (line.partition("#")[2] for line in text.splitlines())
    else:
        yield re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def bare_strings(path: Path) -> Iterator[str]:
    """Docstrings of modules, classes and functions, and strings below attributes and constants."""
    statements = (node.value for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Expr))
    yield from (each.value for each in statements if isinstance(each, ast.Constant) and isinstance(each.value, str))


@pytest.mark.parametrize("path", CLEAN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_banned_phrase(path):
    assert [(m[0], text) for text in prose(path) if (m := BANNED.search(NAMES.sub("", text)))] == []


def test_docstrings_do_not_open_with_a_question_word():
    found = [
        (path, text) for path in CLEAN if path.suffix == ".py" for text in bare_strings(path) if OPENING.match(text)
    ]
    assert found == []


def test_the_set_of_unclean_paths_names_what_exists():
    assert [entry for entry in NOT_YET if not (ROOT / entry).exists()] == []
