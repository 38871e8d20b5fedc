"""The tables of docs/ say what the registries say."""

from __future__ import annotations

import pytest

from ganzoo.parts import KINDS, describe
from tools import docs_tables

DOCS = docs_tables.DOCS
PAGES = sorted(DOCS.rglob("*.md"))


def test_no_page_is_out_of_date():
    assert [path.name for path in docs_tables.stale(PAGES)] == [], "run python -m tools.docs_tables"


def test_every_table_is_on_a_page():
    text = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    assert sorted(found[1] for found in docs_tables.BLOCK.findall(text)) == sorted(docs_tables.TABLES)


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A page with a changed and a hand-written cell."""
    monkeypatch.setattr(docs_tables, "DOCS", tmp_path / "docs")
    page = tmp_path / "docs/networks.md"
    page.parent.mkdir()
    text = (DOCS / "networks.md").read_text(encoding="utf-8")
    page.write_text(text.replace("| hidden layers |", "| my words |").replace("| images | `he` |", "| images | `hi` |"))
    return page


def test_check_names_a_stale_page_and_leaves_it(copied, capsys):
    before = copied.read_text()
    assert docs_tables.main(["--check"]) == 1
    assert capsys.readouterr().out == "docs/networks.md: run python -m tools.docs_tables\n"
    assert copied.read_text() == before


def test_a_page_is_written_again_and_keeps_what_was_written_by_hand(copied):
    assert docs_tables.main([]) == 0 and docs_tables.main(["--check"]) == 0
    text = copied.read_text()
    assert "| images | `he` |" in text and "| my words |" in text


def test_the_page_of_the_layout_has_every_kind():
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    for kind in KINDS:
        assert f"| {kind.name} | `{kind.folder}` | `{kind.choice}` |" in page


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_part_says_what_it_is(kind):
    assert all(describe(part) for part in kind.registry.values())
