"""Every command that a page shows is one that the command line takes, with keys that the config has."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from ganzoo.cli.app import app
from ganzoo.config.overrides import overrides
from ganzoo.config.recipes import make_config, variants
from ganzoo.config.resolve import resolve_defaults

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = [block for page in PAGES for kind, block in FENCE.findall(page.read_text(encoding="utf-8")) if not kind]
LINES = dict.fromkeys(line for block in BLOCKS for line in block.splitlines() if line.startswith("ganzoo "))
COMMANDS = [
    line for line in LINES if not {"...", "--plugin"} & {*line.split()}
]  # shortened ones; README's test runs the plugin


def understood(line: str) -> tuple[str, dict[str, Any]]:
    """The command of a line and its parameters; a usage error is raised as click raises it."""
    name, *words = shlex.split(line, comments=True)[1:]
    command = typer.main.get_command(app).get_command(None, name)
    assert command is not None, name
    return name, command.make_context(name, words).params


def test_the_pages_show_commands():
    assert len(COMMANDS) > 60


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_is_understood(line):
    name, found = understood(line)
    if name == "train" and found["variant"] in variants():
        resolve_defaults(make_config(found["variant"], overrides(found["settings"])))
