"""docs/guide/networks.md says what the signatures say."""

import re
from pathlib import Path

import pytest

from ganzoo.networks import BACKBONES, HEADS, UPSAMPLERS, discriminator_schema, generator_schema
from ganzoo.networks.backbone import base_grid
from ganzoo.networks.layers import ACTIVATIONS, NORMS
from ganzoo.networks.resample import DOWNSAMPLERS

PAGE = (Path(__file__).parents[2] / "docs/guide/networks.md").read_text(encoding="utf-8")


def cells(title):
    """The cells of the table under a heading."""
    lines = [line for line in PAGE.split(f"## {title}\n")[1].split("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def rows(title):
    """Without the header."""
    return cells(title)[2:]


def shown(default):
    """A default as TOML, none where TOML has no word."""
    return (
        "none" if default is None else f"`{str(default).lower()}`" if not isinstance(default, str) else f'`"{default}"`'
    )


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_options_and_defaults(player):
    schema = {
        "generator": lambda name: generator_schema(name, encodes=True),
        "discriminator": lambda name: discriminator_schema(name, ("score", "reconstruction")),
    }[player]
    table = rows(f"Options of `[networks.{player}]`")
    columns = [name.strip("`") for name in cells(f"Options of `[networks.{player}]`")[0][1:-1]]
    assert sorted(columns) == sorted(BACKBONES)
    for column, backbone in enumerate(columns, 1):
        said = {row[0].strip("`"): row[column] for row in table if row[column]}
        assert said == {name: shown(p.default) for name, p in schema(backbone).items()}


def test_names():
    for registry in (BACKBONES, UPSAMPLERS, DOWNSAMPLERS, NORMS, ACTIVATIONS, HEADS):
        assert all(re.search(rf'`"?{name}"?`', PAGE) for name in registry)


def test_initialisation_of_each_backbone():
    for name, backbone in BACKBONES.items():
        assert re.search(rf"\| `{name}` \|.*\| {backbone.data}.*\| `{backbone.init}` \|", PAGE)


def test_sizes():
    for size, start, stages in (map(int, row) for row in rows("Sizes")):
        assert base_grid((1, size, size)) == (start, stages)


def test_the_example_runs():
    names: dict = {}
    exec(PAGE.split("```python\n")[1].split("```")[0], names)
    assert names["judged"].score.shape == (8,)
    assert names["judged"].features.shape == (8, 64)
