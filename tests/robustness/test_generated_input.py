"""Configs, options and names that nobody thought of: each is taken, or refused in one line."""

from __future__ import annotations

import shutil

import pytest
from damage import value_or_line
from generated import awkward, deeper, file_names, numbers, recipes, settings, texts
from hypothesis import strategies as st
from PIL import Image

from ganzoo import api
from ganzoo.builder import resolve_config
from ganzoo.cli.options import parse_classes, parse_metrics, parse_points, parse_seeds
from ganzoo.cli.train import number
from ganzoo.config.overrides import overrides
from ganzoo.config.parsing import parse
from ganzoo.config.recipes import make_config
from ganzoo.config.resolve import resolve_defaults
from ganzoo.config.schema import Config, Train
from ganzoo.config.tables import unflatten
from ganzoo.data import find_source, load
from ganzoo.experiments.budget import parse_budget, steps_for_budget
from ganzoo.sampling import load as load_sampler
from small_runs import small, toy_data

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

DATA = toy_data(size=16)


def note(tally, call):
    """The value of `call`, or None where it is refused, which is counted."""
    value, line = value_or_line(call)
    tally["inputs"] += 1
    tally["inputs, refused" if line else "inputs, read"] += 1
    return value


def is_whole(config: Config) -> bool:
    """Whether a config is the same after it was written and read."""
    return parse(type(config), config.model_dump(mode="json")) == config


def test_tables_of_settings(share, tally):
    def check(drawn):
        recipe, given = drawn
        config = note(tally, lambda: make_config(recipe, unflatten(given)))
        finished = config and value_or_line(lambda: resolve_defaults(config))[0]
        resolved = finished and value_or_line(lambda: resolve_config(finished, DATA))[0]
        assert all(is_whole(each) for each in (config, finished, resolved) if each)

    share.each(st.tuples(recipes, settings), 800, check)


def test_tables_of_settings_in_a_file(share, tally, tmp_path):
    def check(drawn):
        content, cut = drawn
        path = tmp_path / "mine.toml"
        lines = [f"{key} = {value!r}".replace("True", "true") for key, value in content.items()]
        path.write_bytes("\n".join(lines).encode(errors="surrogatepass")[: cut or None])
        config = note(tally, lambda: resolve_defaults(make_config(str(path))))
        assert config is None or is_whole(config)

    share.each(st.tuples(settings, st.integers(0, 60)), 300, check)


UNSPEAKABLE = [
    10**5000,
    deeper(3000),
    unflatten({".".join("a" * 900): 1}),
    {"a": deeper(3000)},
    object(),
    b"x",
    {1},
    {1: 2},
]


@pytest.mark.parametrize(
    "key", ["seed", "train", "loss", "loss.name", "networks.generator.width", "data.classes", "about"]
)
def test_values_that_no_file_can_give(key, tally):
    for value in UNSPEAKABLE:
        note(tally, lambda value=value: resolve_defaults(make_config("nsgan", unflatten({key: value}))))


def test_set(share, tally):
    words = st.tuples(
        st.sampled_from(["train.batch_size", "loss.name", "tricks.r1", "a", "seed"]) | texts, texts | numbers
    )
    one = words.map(lambda pair: f"{pair[0]}={pair[1]}") | texts

    def check(given):
        note(tally, lambda: resolve_defaults(make_config("nsgan", overrides(given))))

    share.each(st.lists(one, min_size=1, max_size=3), 300, check)


PIECES = [*"0123456789-,=. e٣²", "9" * 20, "steps", "images", "minutes"]
STARTS = ["steps=", "images=", "minutes=", "npz:", "folder:", "ring:", "grid:", "digits:"]
options = st.one_of(
    texts, st.lists(st.sampled_from(PIECES)).map("".join), st.tuples(st.sampled_from(STARTS), texts).map("".join)
)
OPTIONS = {
    "seeds": parse_seeds,
    "points": parse_points,
    "classes": parse_classes,
    "metrics": parse_metrics,
    "threads": number,
    "budget": lambda text: steps_for_budget(parse_budget(text), Train()),
    "data": find_source,
}


@pytest.mark.parametrize("option", OPTIONS)
def test_options(option, share, tally):
    def check(text):
        note(tally, lambda: OPTIONS[option](text))

    share.each(options, 100, check)


def test_names_of_classes(share, tally, tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path / "home"))

    def check(names):
        shutil.rmtree(tmp_path / "set", ignore_errors=True)
        for name in names:
            (tmp_path / "set" / name).mkdir(parents=True)
            Image.new("L", (16, 16), len(name)).save(tmp_path / "set" / name / "x.png")
        data = note(tally, lambda: load(f"folder:{tmp_path / 'set'}", size=16, channels=1, quiet=True))
        if data and data.classes:
            assert data.class_names == sorted(name for name in names if not name.startswith("."))
            chosen = data.of_classes(data.class_names[-1:])
            assert chosen.class_names == data.class_names[-1:]
            assert is_whole(resolve_config(small("nsgan"), chosen))

    share.each(st.lists(file_names, min_size=1, max_size=4, unique=True), 120, check)


def test_names_of_runs(share, tally, tmp_path):
    config = small("nsgan", train={"steps": 1})

    def check(name):
        folder = tmp_path / "runs" / name
        if note(tally, lambda: api.train(config, DATA, folder)):
            api.resume(folder, data=DATA)
            assert load_sampler(folder).sample(1).shape == (1, 1, 16, 16)
            shutil.rmtree(tmp_path / "runs")

    share.each(file_names, 60, check)


def test_names_of_checkpoints_and_recipes(share, tally):
    share.each(texts | awkward, 60, lambda name: note(tally, lambda: load_sampler(name)))
    share.each(texts | awkward, 60, lambda name: note(tally, lambda: make_config(name)))
