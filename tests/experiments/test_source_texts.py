"""What `results.json` keeps of its settings: resolved configs, recipes, plugins, docstrings of losses."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from stand_ins import compare, how, request, written

from ganzoo.config.recipes import recipe_files, variants, with_settings
from ganzoo.config.tables import flatten, unflatten
from ganzoo.errors import InputError
from ganzoo.experiments import runner
from ganzoo.experiments.plan import Plan
from ganzoo.experiments.results import read_results
from ganzoo.losses import LOSSES
from ganzoo.parts import load_plugins
from ganzoo.training.run_dir import RunDir

PLUGIN = '''
from ganzoo.losses import NSGAN

class Mine(NSGAN):
    """Mine, 2026, https://arxiv.org/abs/0

    L_D = nsgan's
    """
    name = "mine"

class Bare(Mine):
    name = "bare"
'''
MINE = '# of mine\nextends = "base.toml"\n[loss]\nname = "mine"\n'
BASE = 'extends = "hinge"\n[train]\nsteps = 9\n'


@pytest.fixture(autouse=True)
def no_report(monkeypatch):
    monkeypatch.setattr(runner, "write_report", lambda results, folder: folder)
    yield
    LOSSES.pop("mine", None), LOSSES.pop("bare", None)


@pytest.fixture
def asked(tmp_path):
    """A variant, a file that extends another one, and a loss without a recipe."""
    for name, text in (("mine.py", PLUGIN), ("mine.toml", MINE), ("base.toml", BASE)):
        (tmp_path / name).write_text(text)
    plugins = load_plugins([tmp_path / "mine.py"])
    with pytest.warns(UserWarning, match="bare has no recipe"):
        return request(tmp_path, ("nsgan", str(tmp_path / "mine.toml"), "bare"), seeds=1, plugins=plugins)


def test_every_setting_has_its_resolved_config(asked):
    results = compare(asked)
    for setting in results["settings"]:
        config = RunDir(asked.out / f"cells/{setting['name']}-s0").config()
        kept = flatten(config.model_dump(mode="json"))
        left_out = {key for key in kept if key.startswith(("format", "variant", "about", "seed", "dataset."))}
        assert setting["config"] == {key: value for key, value in kept.items() if key not in left_out}
        assert with_settings(config, unflatten(setting["config"])) == config, "the table of keys is a config"
    assert [s["config"]["loss.name"] for s in results["settings"]] == ["nsgan", "mine", "bare"]
    assert len(json.dumps(results["settings"], indent=2)) < 4000 * len(results["settings"])


def test_every_file_is_kept_with_its_sha256_and_every_loss_with_its_docstring(asked, tmp_path):
    results = compare(asked)
    names = [str(tmp_path / name) for name in ("mine.toml", "base.toml", "mine.py")]
    assert [f["name"] for f in results["files"]] == [
        "zoo_configs/nsgan.toml",
        *names[:2],
        "zoo_configs/hinge.toml",
        names[2],
    ]
    bundled = {f"zoo_configs/{name}.toml": variants()[name] for name in ("nsgan", "hinge")}
    for file in results["files"]:
        path = bundled.get(file["name"], Path(file["name"]))
        content = path.read_bytes()
        assert file["text"].encode() == content and file["sha256"] == hashlib.sha256(content).hexdigest()
    assert results["protocol"]["plugins"] == {"mine.py": results["files"][-1]["sha256"]}
    assert results["losses"].keys() == {"nsgan", "mine", "bare"}
    assert results["losses"]["mine"] == "Mine, 2026, https://arxiv.org/abs/0\n\nL_D = nsgan's"
    assert results["losses"]["bare"] == "", "what it inherits is the text of another loss"


def test_what_an_earlier_command_kept_stays_when_a_later_one_adds_to_it(tmp_path):
    first = compare(request(tmp_path, ("nsgan",), seeds=1))
    both = compare(request(tmp_path, ("wgan",), seeds=1))
    assert [s["name"] for s in both["settings"]] == ["nsgan", "wgan"] and both["settings"][0] == first["settings"][0]
    assert [f["name"] for f in both["files"]] == ["zoo_configs/nsgan.toml", "zoo_configs/wgan.toml"]
    assert list(both["losses"]) == ["nsgan", "wgan"]


def test_results_of_an_older_version_are_completed_by_the_next_command(tmp_path):
    asked = request(tmp_path, ("nsgan",), seeds=1)
    now = compare(asked)
    old = {key: value for key, value in now.items() if key not in ("files", "losses")}
    old["settings"] = [{key: value for key, value in s.items() if key != "config"} for s in old["settings"]]
    (asked.out / "results.json").write_text(json.dumps(old))
    read = read_results(asked.out)
    assert read.files == [] and read.losses == {} and read.settings[0].config == {}
    assert compare(request(tmp_path, ("wgan",), seeds=1))["settings"][0] == old["settings"][0], "nothing is made up"
    assert compare(asked)["settings"][0] == now["settings"][0]


def test_what_is_unknown_before_training_is_in_no_config(tmp_path):
    """The steps of a budget in minutes, and all of a setting that is still being tuned."""
    minutes = Plan(request(tmp_path, ("nsgan",), budget="minutes=1", seeds=1), how)
    assert "train.steps" not in minutes.book.configs["nsgan"] and "train.ratio" in minutes.book.configs["nsgan"]
    asked = request(tmp_path, ("nsgan",), out="tuned", tune=2, seeds=1)

    def stop(jobs, report):
        raise InputError("stopped while tuning")

    with pytest.raises(InputError, match="while tuning"):
        runner.run_comparison(Plan(asked, how), stop, say=lambda line: None)
    assert "config" not in written(asked.out)["settings"][0]
    tuned = compare(asked)
    (setting,), trial = tuned["settings"], tuned["tuning"]["settings"]["nsgan"]
    drawn = trial["trials"][trial["chosen"]]["overrides"]
    assert drawn and {key: setting["config"][key] for key in drawn} == drawn


def test_files_of_a_variant_are_in_the_order_of_extends(tmp_path):
    (tmp_path / "a.toml").write_text('extends = "toy/wgan-gp"\n')
    paths = recipe_files(str(tmp_path / "a.toml"))
    assert [path.name for path in paths][:2] == ["a.toml", "wgan-gp.toml"] and paths[1].parent.name == "mixtures"
    compare(request(tmp_path, ("nsgan",), seeds=1))
    kept = tmp_path / "out/cells/nsgan-s0/config.json"
    assert recipe_files(str(kept)) == [kept]
