"""A mistake in a plugin is one line with file, line and term; an error inside ganzoo keeps its traceback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ganzoo import api, cli
from ganzoo.errors import InputError
from ganzoo.losses import LOSSES, NSGAN
from ganzoo.parts import load_plugins
from small_runs import small, toy_data

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
GOOD = re.search(r"```python\n(# softplus_margin\.py\n.*?)```", README, re.DOTALL)[1]
REAL, ADV = '"real": F.softplus(self.margin - real.score).mean()', "F.softplus(-fake.score).mean()"
LOADING = [
    (
        "g_loss(self, real, fake):",
        "g_loss(self, real, fake)",
        r"bad\.py:28: SyntaxError: expected ':'",
    ),
    ("import Loss", "import Loss, Lost", r"bad\.py:4: ImportError: cannot import name 'Lost' from 'ganzoo\.losses'"),
    ('"softplus-margin"', '"nsgan"', r"bad\.py:7: ValueError: a loss called 'nsgan' exists already; choose another"),
    ('    name = "softplus-margin"\n', "", r"bad\.py:7: the class SoftplusMargin has no `name`, so it is no part"),
]
RUNNING = [
    ("= margin\n", "= margins\n", "20: SoftplusMargin.__init__: NameError: name 'margins' is not defined"),
    (
        ".score).mean(),",
        ".score),",
        "24: SoftplusMargin.d_loss: term 'real' has shape (4,), expected a scalar; take the mean",
    ),
    (
        REAL,
        f"{REAL}.item()",
        "24: SoftplusMargin.d_loss: term 'real' is float, expected a scalar tensor; return it without .item()",
    ),
    (
        "real.score)",
        "real.score.view(3, 5))",
        "24: SoftplusMargin.d_loss: RuntimeError: shape '[3, 5]' is invalid for input of size 4",
    ),
    (f'{{"adv": {ADV}}}', ADV, "28: SoftplusMargin.g_loss: returned Tensor, expected a dict of named scalar tensors"),
    (
        ADV,
        f"{ADV}.sub(9).log()",
        "29: SoftplusMargin.g_loss: term 'adv' is nan in the first update; check divisions, logarithms and roots",
    ),
    (
        "fake.score).mean()}",
        "fake.scores).mean()}",
        "29: SoftplusMargin.g_loss: AttributeError: 'DiscriminatorOutput' object has no attribute 'scores'",
    ),
]


@pytest.fixture
def bad(tmp_path, monkeypatch):
    """Writes the README's loss with one text replaced."""
    monkeypatch.chdir(tmp_path)
    assert GOOD.count("\n") == 29

    def write(old: str, new: str) -> str:
        assert old in GOOD
        Path("bad.py").write_text(GOOD.replace(old, new, 1))
        return "bad.py"

    return write


def train(plugin: str) -> int:
    words = (
        "train nsgan --set loss.name=softplus-margin --data ring --steps 1 --set train.batch_size=4 --threads 1 --quiet"
    )
    return cli.run([*words.split(), "--plugin", plugin])


@pytest.mark.parametrize(("old", "new", "line"), LOADING)
def test_a_file_that_cannot_be_loaded(old, new, line, bad, capsys):
    assert train(bad(old, new)) == 2
    assert re.fullmatch(rf"ganzoo: --plugin {line}.*\n", capsys.readouterr().err)
    assert not Path("runs").exists()


def test_a_file_that_adds_no_part(bad, capsys):
    Path("empty.py").write_text("x = 1\n")
    assert train("empty.py") == 2
    assert capsys.readouterr().err.startswith("ganzoo: --plugin empty.py: adds no part; subclass Loss, Trick or Source")


@pytest.mark.parametrize(("old", "new", "line"), RUNNING)
def test_a_mistake_that_shows_in_a_step(old, new, line, bad, capsys):
    assert train(bad(old, new)) == 2
    assert capsys.readouterr().err == f"ganzoo: bad.py:{line}\n"


def test_a_plugin_that_is_loaded_twice_replaces_itself(bad):
    load_plugins([Path(bad("margin", "margin"))])
    first = LOSSES["softplus-margin"]
    load_plugins([Path("bad.py")])
    assert LOSSES["softplus-margin"] is not first


def test_the_traceback_is_there_if_wanted(bad, monkeypatch):
    monkeypatch.setenv("GANZOO_TRACEBACK", "1")
    with pytest.raises(RuntimeError, match="invalid for input of size 4"):
        train(bad("real.score)", "real.score.view(3, 5))"))
    with pytest.raises(ImportError):
        train(bad("import Loss", "import Loss, Lost"))


def test_the_error_of_a_plugin_says_what_caused_it(bad):
    load_plugins([Path(bad("real.score)", "real.score.view(3, 5))"))])
    with pytest.raises(InputError) as error:
        api.train(small("nsgan", loss={"name": "softplus-margin"}), toy_data(), "run")
    assert isinstance(error.value.__cause__, RuntimeError)


@pytest.mark.parametrize("shape", [(15,), (3, 5)])
def test_an_error_inside_ganzoo_stays_what_it_is(shape, monkeypatch, tmp_path):
    monkeypatch.setattr(NSGAN, "g_loss", lambda self, real, fake: {"adv": fake.score.view(shape)})
    with pytest.raises(RuntimeError) as error:
        api.train(small("nsgan"), toy_data(), tmp_path / "run")
    assert not isinstance(error.value, InputError)


def test_a_plugins_call_into_ganzoo_that_fails_there_keeps_its_traceback(bad, tmp_path):
    text = "from ganzoo.losses.penalties import gradient_penalty\n" + GOOD.replace(
        "        return {\n", "        gradient_penalty(None, real, fake)\n        return {\n", 1
    )
    Path("bad.py").write_text(text)
    load_plugins([Path("bad.py")])
    with pytest.raises(TypeError, match="not callable"):
        api.train(small("nsgan", loss={"name": "softplus-margin"}), toy_data(), tmp_path / "run")
