"""`evaluate --save`: scores in the card of a run or release, and what shows them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

import ganzoo
from ganzoo import api, cli
from ganzoo.atomic_io import read_json
from ganzoo.errors import InputError
from ganzoo.evaluation import EXTRACTORS, Evaluation, Score
from ganzoo.release.card import model_card
from ganzoo.release.push import copy_release
from ganzoo.release.scores import release_to_score, save_neighbors, save_scores
from ganzoo.sampling import shipped_releases
from ganzoo.training.run_dir import RunDir
from ganzoo.ui.collection import collect
from ganzoo.ui.gallery import page
from small_runs import small
from tiny_extractor import tiny


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return api.train(small("cgan", train={"steps": 2}), out=tmp_path_factory.mktemp("scores") / "run")


@pytest.fixture
def run(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(EXTRACTORS, "digits", lambda: tiny(size=8, native=8, class_names=list("0123456789")))
    return Path(shutil.copytree(trained, "run"))


def evaluate(checkpoint: object, *words: object) -> int:
    return cli.run(["evaluate", str(checkpoint), "--metrics", "fid", "-n", "20", "--save", *map(str, words)])


def names(folder: Path) -> list[str]:
    return [score["name"] for score in read_json(folder / "card.json")["scores"]]


def test_a_runs_scores_are_in_its_card_until_it_is_trained_on(run, capsys):
    assert evaluate(run) == 0
    assert capsys.readouterr().out.endswith("saved: run/release/card.json\n")
    (test, train) = read_json(run / "release/card.json")["scores"]
    assert (test["name"], train["name"]) == ("fid-tiny@20/test", "fid-tiny@20/train")
    assert test["value"] > test["floor"] > 0 and test["reference_n"] == 20
    card = read_json(run / "release/card.json")
    assert card["evaluation"]["versions"]["ganzoo"] == ganzoo.__version__
    assert not (run / "release/card.md").exists(), "a run has none"
    api.resume(run)
    assert read_json(run / "release/card.json") == card, "the same weights"
    api.resume(run, steps=3)
    assert "scores" not in read_json(run / "release/card.json")


def test_gallery_and_model_card_show_them(run):
    shown = ("fid-tiny@20/test", "fid-tiny@20/train")
    sampler = ganzoo.load(run)
    assert not any(name in page(collect(["run"])) for name in shown)
    assert "No scores yet: <code>ganzoo evaluate --save</code> adds them." in page(collect(["run"]))
    assert "run `ganzoo evaluate --save`" in model_card(sampler.card, "hf:a/b")
    assert evaluate(run) == 0
    for text in (page(collect(["run"])), model_card(ganzoo.load(run / "release").card, "hf:a/b")):
        assert all(text.count(name) for name in shown) and "evaluate --save" not in text


def test_another_protocol_is_added_and_the_same_one_replaced(run):
    for n in ("20", "30", "20"):
        assert cli.run(["evaluate", "run", "--metrics", "fid", "-n", n, "--save"]) == 0
    both = [f"fid-tiny@{n}/{split}" for n in (20, 30) for split in ("test", "train")]
    assert names(run / "release") == both
    sha256 = ganzoo.load(run).card["sha256"]
    new = Evaluation([Score("fid", 7.0, 20, "lower", "tiny", "test", 20)], {})
    save_scores(new, run / "release", sha256)
    assert names(run / "release") == both
    assert [s["value"] == 7 for s in read_json(run / "release/card.json")["scores"]] == [True, False, False, False]


def test_the_card_for_people_of_a_release_follows(run):
    shutil.copytree(run / "release", "mine")
    Path("mine/card.md").write_text("of before")
    assert evaluate("mine") == 0 and names(Path("mine")) == ["fid-tiny@20/test", "fid-tiny@20/train"]
    assert "| fid-tiny@20/test |" in Path("mine/card.md").read_text()
    ganzoo.load("mine")


def test_the_nearest_training_images_are_in_the_release_until_its_weights_change(run, capsys):
    shutil.copytree(run / "release", "mine")
    Path("mine/card.md").write_text("of before")
    assert evaluate("mine", "--neighbours", "near.png", "--scale", 2) == 0
    assert capsys.readouterr().out.endswith("nearest training images: near.png and mine/neighbors.png\n")
    near, kept = (Image.open(path).size for path in ("near.png", "mine/neighbors.png"))
    assert near == (2 * kept[0], 2 * kept[1]) and kept == (206, 342)
    text = Path("mine/card.md").read_text()
    assert text.index("| fid-tiny@20/test |") < text.index("](neighbors.png)") < text.index("## Known faults")
    copy_release(Path("mine"), Path("mine/..").resolve())
    assert Path("neighbors.png").read_bytes() == Path("mine/neighbors.png").read_bytes()
    assert evaluate(run, "--neighbours", "near.png") == 0 and (run / "release/neighbors.png").exists()
    api.resume(run, steps=3)
    assert not (run / "release/neighbors.png").exists() and "neighbors" not in read_json(run / "release/card.json")
    assert evaluate(run) == 0 and "](neighbors.png)" not in model_card(ganzoo.load(run).card, "hf:a/b")


def test_a_picture_of_other_weights_is_not_saved(run):
    with pytest.raises(InputError, match="release got new weights during the evaluation"):
        save_neighbors(torch.zeros(1, 8, 8), run / "release", "0" * 64)
    assert not (run / "release/neighbors.png").exists()


def test_authenticity_is_explained_wherever_it_is_shown(run, capsys):
    asked = ["evaluate", "run", "--metrics", "authenticity,ct", "-n", "30", "--save"]
    assert cli.run(asked) == 0
    said = "Neither authenticity nor ct separates copying from underfitting"
    assert said in " ".join(capsys.readouterr().out.split())
    card = ganzoo.load(run).card
    assert [score["name"] for score in card["scores"]] == ["authenticity-tiny@30/train", "ct-tiny@30/train"]
    assert all(score["floor"] is not None for score in card["scores"][:1])
    shown = model_card(card, "hf:a/b")
    assert shown.count(said) == 1 and "(https://arxiv.org/abs/2306.04675)" in shown
    assert page(collect(["run"])).count(said) == 1
    assert evaluate(run) == 0 and said not in capsys.readouterr().out


def test_by_default_a_slow_extractor_leaves_out_what_reads_all_training_images(run, capsys, monkeypatch):
    slow = tiny(size=8, native=8, class_names=list("0123456789"), slow=True)
    monkeypatch.setitem(EXTRACTORS, "digits", lambda: slow)
    assert cli.run(["evaluate", "run", "-n", "30"]) == 0
    lines = capsys.readouterr().out.splitlines()
    left_out = "reads all 10,000 training images, slow with tiny on a CPU; name it with --metrics"
    slowly = sorted(line for line in lines if "slow with" in line)
    assert slowly == [f"authenticity {left_out}", f"ct {left_out}"] and slow.network.read < 200


def test_what_cannot_be_saved_is_refused_before_it_is_measured(run, capsys, monkeypatch):
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    bundled = shipped_releases()["cgan-mnist"]
    monkeypatch.setattr("ganzoo.evaluator.evaluate", lambda *_, **__: pytest.fail("measured"))
    for words, says in [
        (["cgan"], f"--save: {bundled} is a bundled release and stays as it is; evaluate a copy of that folder"),
        ([bundled], "is a bundled release"),
        (["hf:jane/cgan"], "--save: hf:jane/cgan is not on this machine"),
        ([run, "--no-ema"], "--save keeps scores of the averaged weights"),
        ([run, "--data", "digits-stacked"], "digits-stacked"),
    ]:
        assert evaluate(*words) == 2
        printed = capsys.readouterr()
        assert says in printed.err and printed.err.count("\n") == 1 and not printed.out
    with RunDir(run).training_lock():
        for folder in (run, run / "release"):
            with pytest.raises(InputError, match="run is being trained by another process"):
                release_to_score(folder)
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before


def test_other_data_than_the_trainings_are_refused_and_its_own_are_not(run, capsys):
    import numpy as np

    np.savez("x.npz", images=np.zeros((40, 32, 32), np.uint8), labels=np.arange(40) % 10)
    assert evaluate(run, "--data", "npz:x.npz") == 2
    assert "--save: the card compares with the data of the training, which npz:x.npz is not" in capsys.readouterr().err
    assert evaluate(run, "--data", "digits") == 0


def test_scores_of_weights_that_are_gone_are_printed_and_not_saved(run):
    before = (run / "release/card.json").read_bytes()
    with pytest.raises(InputError, match="release got new weights during the evaluation; the scores are not saved"):
        save_scores(Evaluation([], {}), run / "release", "0" * 64)
    assert (run / "release/card.json").read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_nothing_is_written_through_a_link(run, capsys):
    (run / "release/card.json").rename("elsewhere.json")
    (run / "release/card.json").symlink_to(Path("elsewhere.json").resolve())
    assert evaluate(run) == 2 and "is a symbolic link" in capsys.readouterr().err
    assert "scores" not in json.loads(Path("elsewhere.json").read_text())
