"""The page over many checkpoints."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from ganzoo import cli
from ganzoo.errors import InputError
from ganzoo.losses import LOSSES
from ganzoo.ui.collection import Collection, collect
from ganzoo.ui.gallery import page, write_gallery

NASTY = '<script>hacked=1</script>"&' + "x" * 90
SCORE = {
    "name": "fid-digits@10k/test", "metric": "fid", "value": 12.345, "spread": None, "better": "lower", "floor": 1.02,
    "floor_n": 2000, "value_at_floor": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def releases(runs, tmp_path_factory):
    """Two releases, one with all that a card can say, and a broken one."""
    folder = tmp_path_factory.mktemp("releases")
    for name in ("plain", "said", "broken"):
        shutil.copytree(runs / ("cgan" if name == "plain" else "nsgan") / "release", folder / name)
    card = json.loads((folder / "said/card.json").read_text())
    card |= {"scores": [SCORE], "faults": NASTY, "command": "make me", "hardware": NASTY}
    card["about"] = f"A & B <i>. arXiv:1234.56789 {NASTY}"
    (folder / "said/card.json").write_text(json.dumps(card))
    (folder / "broken/generator.safetensors").write_bytes(b"x")
    return folder


@pytest.fixture(scope="module")
def rendered(releases) -> str:
    return page(collect([str(releases)]))


class Seen(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_it_is_one_file_that_fetches_nothing(rendered):
    seen = Seen(rendered)
    assert not seen.all("script") and not seen.all("link")
    assert all(image["src"].startswith("data:image/png;base64,") for image in seen.all("img"))
    assert [link["href"] for link in seen.all("a") if "1234" in link["href"]] == ["https://arxiv.org/abs/1234.56789"]
    assert "url(" not in rendered and "@import" not in rendered


def test_each_checkpoint_has_its_grid_with_words_for_it(rendered, releases):
    images = Seen(rendered).all("img")
    sizes = [Image.open(io.BytesIO(base64.b64decode(i["src"].partition(",")[2]))).size for i in images]
    assert sizes == [(2 + 3 * 18, 2 + 8 * 18), (2 + 8 * 18, 2 + 8 * 18)], "one class a column; or a square"
    assert [i["alt"] for i in images] == [
        f"Samples of {releases / 'plain'}: seeds 0, 1, 2, ..., one class a column",
        f"Samples of {releases / 'said'}: seeds 0, 1, 2, ..., row by row",
    ]


def test_what_a_card_says_is_shown_and_escaped(rendered):
    assert "<script>hacked" not in rendered and rendered.count("&lt;script&gt;hacked=1") == 3
    row = re.search(r"<tr><th scope=\"row\">fid-digits@10k/test.*?</tr>", rendered)[0]
    assert "12.35" in row or "12.34" in row
    assert "1.02" in row and "lower" in row and rendered.count("<table>") == 1
    assert "make me" not in rendered, "a command is never one that a card says"
    assert "A &amp; B &lt;i&gt;." in rendered
    assert "; every setting in config.json</dd>" in rendered and "`" not in rendered, "Markdown is for card.md"


def test_a_broken_one_is_named_with_the_reason(rendered, releases):
    assert f"<li>{releases / 'broken'}: " in rendered and "its SHA-256 differs from the recorded one</li>" in rendered
    assert "Left out" not in page(Collection(collect([str(releases / "plain")]).samplers, []))


def test_the_command_writes_it(releases, tmp_path, capsys):
    assert cli.run(["gallery", str(releases / "plain"), "--out", str(tmp_path / "a/b")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'a/b/index.html'}\n"
    assert [p.name for p in (tmp_path / "a/b").iterdir()] == ["index.html"]
    assert write_gallery(collect([str(releases / "said")]), tmp_path).read_text("utf-8").startswith("<!doctype html>")


def test_it_replaces_a_gallery_and_no_other_page(releases, tmp_path):
    found = collect([str(releases / "plain")])
    assert write_gallery(found, tmp_path) == write_gallery(found, tmp_path)
    (tmp_path / "index.html").write_text("<!doctype html>my site")
    with pytest.raises(InputError, match=r"index\.html is not a ganzoo gallery .* name another folder with --out"):
        write_gallery(found, tmp_path)
    assert (tmp_path / "index.html").read_text() == "<!doctype html>my site"


def test_commands_name_the_plugin_that_they_need(runs, monkeypatch):
    found = collect([str(runs / "nsgan")])
    assert "--plugin" not in page(found, [Path("my own.py")])
    monkeypatch.setattr(LOSSES["nsgan"], "__module__", "ganzoo_plugin_own")
    text = unescape(page(found, [Path("my own.py")]))
    assert text.count("--plugin 'my own.py'") == 2, "to draw from it, and to train it again"
