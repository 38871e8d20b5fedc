"""Every release that ships, and the script that makes them."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest

import ganzoo
from ganzoo import api, cli
from ganzoo.atomic_io import read_json, sha256_hex
from ganzoo.builder import build_generator, make_latent, make_loss, resolve_config
from ganzoo.config.recipes import make_config
from ganzoo.sampling import checkpoints, shipped_releases
from ganzoo.training.release import DISPLAY_FILES, REQUIRED_FILES
from small_runs import small, toy_data
from tools import judge_release
from tools.finish_release import TOLERANCE, max_drift

ROOT = Path(__file__).parents[1]
MIB = 2**20


def script():
    spec = importlib.util.spec_from_file_location("checkpoints_make", ROOT / "checkpoints/make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The script with a release of two small steps in the place of the zoo, and what it wrote."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "ships").mkdir()
    (folder / "ships/faults.toml").write_text('nsgan-digits = "Noise."\n')
    module = script()
    module.HERE, module.PAGE = folder / "ships", folder / "page.md"
    module.RELEASES = {"nsgan-digits": str(folder / "small.toml")}
    (folder / "small.toml").write_text(SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge_release, "judge", partial(judge_release.judge, n=20))
        module.make("nsgan-digits", folder / "runs")
    return module


SMALL = """
extends = "mnist/nsgan"
variant = "mnist/nsgan"
[data]
spec = "digits"
[latent]
dim = 8
[networks]
init = "he"
generator = { width = 4 }
discriminator = { width = 4 }
[train]
steps = 2
lr_decay_steps = 0
batch_size = 4
threads = 1
precision = "float32"
"""


def everything(folder):
    return {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()}


def whole(folder):
    """Assert all that must hold of a release that ships."""
    card = read_json(folder / "card.json")
    assert {p.name for p in folder.iterdir()} == {*REQUIRED_FILES, *DISPLAY_FILES}
    assert sha256_hex((folder / "generator.safetensors").read_bytes()) == card["sha256"]
    assert (folder / "generator.safetensors").stat().st_size < 3 * MIB
    assert max_drift(ganzoo.load(folder), folder / "thumbnails.png") <= TOLERANCE
    assert card["scores"] and card["data"] in folder.name and card["licence"] and card["command"].endswith(folder.name)


@pytest.mark.parametrize("name", list(shipped_releases()))
def test_a_release_that_ships_is_whole_and_draws_its_thumbnails(name):
    whole(shipped_releases()[name])
    assert name in script().RELEASES


def test_all_of_them_are_small_enough_for_a_wheel():
    assert sum(p.stat().st_size for p in (ROOT / "checkpoints").rglob("*") if p.is_file()) < 30 * MIB


def test_the_script_makes_a_release_that_is_whole(made):
    whole(made.HERE / "nsgan-digits")
    card = read_json(made.HERE / "nsgan-digits/card.json")
    assert card["faults"] == "Noise." and card["steps"] == 2 and sum(card["class_shares"].values()) == pytest.approx(1)


def test_what_is_done_is_not_done_again(made):
    before = everything(made.HERE), everything(made.HERE.parent / "runs")
    made.make("nsgan-digits", made.HERE.parent / "runs")
    assert made.main([str(made.HERE.parent / "runs")]) == 0
    assert (everything(made.HERE), everything(made.HERE.parent / "runs")) == before


def test_one_that_is_there_is_measured_again_when_that_is_asked_for(made, monkeypatch):
    folder, path = made.HERE / "nsgan-digits", made.HERE / "nsgan-digits/card.json"
    before, card = everything(folder), read_json(path)
    old = card | {"scores": card["scores"][:1], "class_shares": {}, "evaluation": {}}
    path.write_text(json.dumps(old))
    called = []
    run = lambda command, check, env: called.append(command) or subprocess.CompletedProcess(command, 0)  # noqa: E731
    monkeypatch.setattr(subprocess, "run", run)
    assert made.main([str(made.HERE.parent / "runs"), "--measure-again"]) == 0
    assert [command[-2:] for command in called] == [["nsgan-digits", "--alone"]]
    monkeypatch.setattr(judge_release, "judge", partial(judge_release.judge, n=20))
    assert made.main([str(made.HERE.parent / "runs"), "nsgan-digits", "--alone"]) == 0
    again = read_json(path)
    assert again["evaluation"].pop("seconds") and card["evaluation"].pop("seconds") and again == card
    assert {p for p, content in everything(folder).items() if content != before[p]} <= {path, folder / "card.md"}


def test_what_was_seen_later_goes_into_the_card(made):
    path = made.HERE / "faults.toml"
    before = path.read_text()
    path.write_text('nsgan-digits = "Grey mist."\n')
    made.tell_all()
    assert "Grey mist." in (made.HERE / "nsgan-digits/card.md").read_text()
    assert "| recipe | `mnist/nsgan`;" in (made.HERE / "nsgan-digits/card.md").read_text()
    path.write_text(before)
    made.tell_all()


def test_the_card_of_a_small_recipe_for_a_cpu_says_that_it_is_one():
    module = script()
    told = {name: module.told(name) for name in module.RELEASES}
    remarks = {name: words["remarks"] for name, words in told.items() if "remarks" in words}
    assert set(remarks) == {name for name in told if name.endswith(("cifar10", "letters", "emoji"))}
    small = {name for name, words in remarks.items() if "pytorch-gan-collections" in words}
    assert small == {name for name in told if name.endswith("cifar10")}


def test_the_page_has_a_line_for_it(made):
    made.write_page()
    head, _, line = made.PAGE.read_text().partition("## digits@20/test")[2].strip().splitlines()
    assert line.startswith("| `nsgan-digits` |") and line.count("|") == head.count("|")
    assert "coverage" in head and "class_accuracy" not in head, "what no release of a protocol has is no column"


def test_unlike_protocols_are_not_put_into_one_table(made, monkeypatch):
    def card(protocol):
        return {"scores": [{"metric": "fid", "name": f"fid-{protocol}", "split": "test"}]}

    cards = {"a": card("x@1/test"), "b": card("y@1/test"), "c": card("x@1/test")}
    monkeypatch.setattr(made, "row", lambda name, card: [name, *[""] * (len(made.HEAD) - 1)])
    parts = [made.part(protocol, cards) for protocol in ("x@1/test", "y@1/test")]
    assert [[line[2] for line in part.strip().splitlines()[4:]] for part in parts] == [["a", "c"], ["b"]]


def test_an_interrupted_run_goes_on(made, tmp_path):
    run = api.train(small("nsgan", train={"steps": 1}), out=tmp_path / "run")
    config = json.loads((run / "config.json").read_text())
    config["train"]["steps"] = 3
    (run / "config.json").write_text(json.dumps(config))
    assert made.trained("nsgan", run) == run
    assert read_json(run / "release/card.json")["steps"] == 3


def test_each_is_made_in_a_process_of_its_own_with_one_thread(made, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(made, "HERE", tmp_path)
    monkeypatch.setattr(made, "RELEASES", dict.fromkeys(["x-mnist", "y-mnist"], "mnist/nsgan"))
    calls = []

    def run(command, check, env):
        calls.append((command[2:], env["OMP_NUM_THREADS"]))
        return subprocess.CompletedProcess(command, int(command[3] == "y-mnist"))

    monkeypatch.setattr(subprocess, "run", run)
    assert made.main(["runs"]) == 1 and "failed: y-mnist" in capsys.readouterr().err
    assert sorted(calls) == [(["runs", name, "--alone"], "1") for name in ("x-mnist", "y-mnist")]


def test_such_a_process_says_in_one_line_what_went_wrong(made, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(made, "HERE", tmp_path)
    monkeypatch.setattr(made, "RELEASES", {"x-mnist": "mnist/nsgna"})
    assert made.main([str(tmp_path / "runs"), "x-mnist", "--alone"]) == 1
    assert capsys.readouterr().err.startswith("x-mnist: no variant is called 'mnist/nsgna'; did you mean 'mnist/nsgan'")
    assert not list(tmp_path.iterdir())


def test_a_name_that_there_is_not_is_refused(made, capsys):
    with pytest.raises(SystemExit) as end:
        made.main(["runs", "wgan-mnst"])
    assert end.value.code == 2 and "no release is called wgan-mnst" in capsys.readouterr().err


def test_a_release_is_listed_and_drawn_by_name(made, monkeypatch, tmp_path, capsys):
    shutil.copytree(made.HERE / "nsgan-digits", tmp_path / "ships/nsgan-mnist")
    shutil.copytree(made.HERE / "nsgan-digits", tmp_path / "ships/.half-written")
    monkeypatch.setattr(checkpoints, "RELEASE_FOLDERS", (tmp_path / "ships",))
    assert list(shipped_releases()) == ["nsgan-mnist"]
    assert cli.run(["list", "--json"]) == 0
    rows = {row["variant"]: row["checkpoints"] for row in json.loads(capsys.readouterr().out)}
    assert {name for name, found in rows.items() if found} == {"nsgan", "mnist/nsgan"} and rows["nsgan"] == [
        "nsgan-mnist"
    ]
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.run(["list"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    fid = read_json(made.HERE / "nsgan-digits/card.json")["scores"][0]
    assert ["nsgan-mnist", fid["name"], f"{fid['value']:.4g}", f"{fid['floor']:.4g}"] in lines
    assert [line[0] for line in lines if line].count("nsgan") == 1 and ["fashion-mnist/:", "acgan,"] in [
        x[:2] for x in lines
    ]
    assert not any(line[0] == "mnist/nsgan" for line in lines if line), (
        "a line for each folder, not for each recipe in it"
    )
    for name in ("nsgan-mnist", "nsgan"):
        assert cli.run(["sample", name, "-n", "2", "--out", str(tmp_path / "x.png")]) == 0


@pytest.mark.parametrize("name", list(script().RELEASES))
def test_a_release_is_trained_from_a_recipe_and_fits_into_its_size(name):
    """Float16 matrices, without training: the size is that of the network."""
    variant = script().RELEASES[name]
    table, base = (make_config(each).model_dump(mode="json") for each in (variant, variant.rpartition("/")[2]))
    departs = {key for key in table if table[key] != base.get(key)}
    # began-mnist was trained before the laptop recipe's k moved ten times as fast.
    of_its_time = {"loss"} if name == "began-mnist" else set()
    own = {"variant", "data", "latent", "networks", "tricks", "train"}
    assert {"variant", "data", "train"} | of_its_time <= departs <= own | of_its_time
    assert table["train"]["lr_decay_steps"] == table["train"]["steps"]
    channels, limit = (3, 2.9e6) if name.endswith(("cifar10", "emoji")) else (1, 1.1e6)
    config = resolve_config(
        make_config(variant), toy_data(size=table["data"]["size"] or 32, channels=channels, classes=10)
    )
    generator = build_generator(config, make_latent(config, make_loss(config)))
    size = sum(v.numel() * (2 if v.ndim > 1 else 4) for v in generator.state_dict().values())
    assert size < limit
    assert name == f"{variant.rpartition('/')[2]}-{table['data']['spec'].removeprefix('folder:')}"


def test_the_committed_page_is_what_the_script_writes(tmp_path):
    module = script()
    committed, module.PAGE = module.PAGE, tmp_path / "page.md"
    module.write_page()
    assert module.PAGE.read_text(encoding="utf-8") == committed.read_text(encoding="utf-8")
