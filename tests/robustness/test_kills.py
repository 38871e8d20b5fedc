"""A process that is killed at any of its changes to files: what is done next ends in the same bytes as without the kill."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from stand_ins import compare, request
from watched import killed, points

from ganzoo import api
from ganzoo.config.schema import with_train
from ganzoo.data import load
from ganzoo.evaluation.features import FeatureReader
from ganzoo.experiments import runner
from ganzoo.training.run_dir import RunDir
from small_runs import results, small, toy_data
from tiny_extractor import data as pictures
from tiny_extractor import tiny

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the folder of a descriptor is read from /proc")

DATA = toy_data(size=16)
CONFIG = small("nsgan", train={"steps": 6, "save_every": 2})
BEGUN = with_train(CONFIG, steps=3)


def go_on(folder: Path) -> None:
    """Begin the run in `folder`, or resume it to its last step."""
    run = RunDir(folder)
    if run.config_file.exists():
        api.resume(folder, with_train(run.config(), steps=CONFIG.train.steps), DATA)
    else:
        api.train(CONFIG, DATA, folder)


def begin(folder: Path) -> None:
    api.train(BEGUN, DATA, folder)


def nothing(folder: Path) -> None:
    pass


@pytest.fixture(scope="module", params=[nothing, begin], ids=["of_a_new_run", "of_a_resume"])
def begun(request, tmp_path_factory):
    """What makes a folder to go on in, the results of that, and the moments at which it may be killed."""
    folder = tmp_path_factory.mktemp("whole")
    for name in ("run", "watched"):
        request.param(folder / name)
    moments = points(folder / "watched", lambda: go_on(folder / "watched"))
    go_on(folder / "run")
    return request.param, results(folder / "run"), moments


def ended(folder: Path, expected: dict[str, object], tally, kills: int) -> None:
    """Hold what a run is in the end against `expected`."""
    tally["kills"] += kills
    found = results(folder)
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []
    assert [path.name for path in folder.rglob(".*") if path.suffix != ".lock"] == [], "leftovers"
    tally["kills, exact after"] += kills


def test_of_a_run(share, begun, tally, tmp_path):
    before, expected, moments = begun
    for moment in share.of(moments):
        before(folder := tmp_path / "run")
        assert killed(folder, lambda: go_on(folder), moment), moment
        go_on(folder)
        ended(folder, expected, tally, kills=1)
        shutil.rmtree(folder)


def test_and_again_while_it_is_resumed(share, begun, tally, tmp_path):
    before, expected, moments = begun
    firsts = moments[:: max(1, len(moments) // 60)]
    for number, first in enumerate(share.of(firsts)):
        before(folder := tmp_path / "run")
        second = moments[number * 37 % (len(moments) // 2)]  # so early that most resumes come that far
        kills = [killed(folder, lambda: go_on(folder), moment) for moment in (first, second)]
        go_on(folder)
        ended(folder, expected, tally, sum(kills))
        shutil.rmtree(folder)


def spec(folder: Path) -> str:
    """Pictures to prepare."""
    np.savez(folder / "set.npz", images=DATA.images[:, 0], labels=DATA.labels)
    return f"npz:{folder / 'set.npz'}"


def test_of_what_prepares_data_and_reads_features(share, tally, tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_HOME", str(home := tmp_path / "home"))
    reals, described = pictures(12), spec(tmp_path)
    expected = load(described).images.copy(), FeatureReader(tiny()).data(reals).features
    for work in (lambda: load(described, quiet=True), lambda: FeatureReader(tiny()).data(reals)):
        shutil.rmtree(home)
        moments = points(home, work)
        for moment in share.of(moments):
            shutil.rmtree(home)
            assert killed(home, work, moment), moment
            tally["kills"] += 1
            assert (load(described).images == expected[0]).all()
            assert FeatureReader(tiny()).data(reals).features.equal(expected[1])
            tally["kills, exact after"] += 1


def test_of_a_comparison(share, tally, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "write_report", lambda results, folder: folder)
    monkeypatch.setattr(runner, "write_table", lambda results, folder: folder)  # which has seconds in it
    asked = request(tmp_path, ("nsgan",), seeds=1)
    folder = asked.out

    def work() -> None:
        compare(asked)

    moments = points(folder, work)
    shutil.rmtree(folder)
    work()
    expected = results(folder)
    for moment in share.of(moments):
        shutil.rmtree(folder)
        assert killed(folder, work, moment), moment
        work()
        ended(folder, expected, tally, kills=1)
