"""Run folders: links are refused, stopped writes recovered, one process trains, and a folder that is gone stays gone."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from ganzoo import api, cli
from ganzoo.atomic_io import file_lock
from ganzoo.config.schema import with_train
from ganzoo.errors import InputError, Interrupted
from ganzoo.experiments import plan, runner
from ganzoo.sampling import load
from ganzoo.training import checkpoint
from ganzoo.training.run_dir import RunDir
from ganzoo.training.trainer import Trainer
from small_runs import results, small, toy_data

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links, locks and signals are those of POSIX")

DATA = toy_data(size=16)
CONFIG = small("nsgan", train={"steps": 3, "save_every": 2, "log_every": 1})


def ganzoo(*words: object) -> int:
    return cli.run([str(word) for word in words])


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below a folder, hidden ones too, with its content and time."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of three steps that nothing stopped; its states are of steps 2 and 3."""
    return api.train(CONFIG, DATA, tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture
def run(whole, tmp_path):
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


def config_of(folder: Path, **values: object):
    return with_train(RunDir(folder).config(), **values)


FILES = ["lock", "config.json", "metrics.jsonl", "findings.jsonl", "doctor.png", ".config.json.7"]
FOLDERS = ["samples", "state", "release", "tensorboard", "state/00000002", "state/.00000003.old", ".release.new"]
INSIDE = ["samples/00000001.png", "state/00000003/state.json", "release/generator.safetensors", "release/card.json"]


@pytest.mark.parametrize("name", [*FILES, *FOLDERS, *INSIDE])
def test_a_link_in_a_run_is_refused_by_every_command_and_nothing_behind_it_changes(name, run, tmp_path, capsys):
    link, outside = run / name, tmp_path / "outside"
    outside.mkdir()
    if link.exists():
        link.rename(outside / "it")  # so that what is behind the link would be taken for the run's own
    elif name in FOLDERS:
        (outside / "it/00000000").mkdir(parents=True)
    else:
        (outside / "it").write_text("years of work")
    link.symlink_to(outside / "it")
    before = snapshot(outside), snapshot(run)
    for words in (["train", "--resume", run, "--steps", 4], ["sample", run, "-n", 1, "--out", tmp_path / "x.png"]):
        assert ganzoo(*words) == 2
        said = capsys.readouterr().err
        assert f"{link} is a symbolic link" in said and said.count("\n") == 1
    assert ganzoo("doctor", run) == ganzoo("evaluate", run, "-n", 8) == 2
    assert (snapshot(outside), snapshot(run)) == before and not (tmp_path / "x.png").exists()


@pytest.mark.parametrize("name", ["cells", "cells/nsgan-s0", "cells/.nsgan-s0.lock", "results.json"])
def test_so_it_is_in_a_comparison(name, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "out/cells").mkdir(parents=True)
    if name == "cells":
        (tmp_path / "out/cells").rmdir()
    (tmp_path / "out" / name).symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match=f"{name} is a symbolic link"):
        plan.check_folder(tmp_path / "out")


def test_a_link_in_a_release_is_not_copied_from(run, tmp_path, capsys):
    release = Path(shutil.copytree(run / "release", tmp_path / "release"))
    (tmp_path / "secret").write_text("mine")
    (release / "grid.png").symlink_to(tmp_path / "secret")
    assert ganzoo("push", release, "hf:jane/toys") == 2
    assert f"{release / 'grid.png'} is a symbolic link" in capsys.readouterr().err


def test_the_run_folder_itself_may_be_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "disk")
    assert api.train(with_train(CONFIG, steps=2), DATA, link) == link
    api.resume(link, config_of(link, steps=3), DATA)
    assert load(link).sample(1).shape == (1, 1, 16, 16) and (tmp_path / "disk/state/00000003").is_dir()


def test_reading_a_run_writes_nothing_into_it(run, tmp_path, monkeypatch):
    (run / "lock").unlink()
    (run / "release").rename(run / ".release.old")
    (run / ".release.new").mkdir()
    (run / "state/00000003").rename(run / "state/.00000003.old")
    before = snapshot(run)
    monkeypatch.chdir(tmp_path)
    assert ganzoo("sample", run, "-n", 1) == ganzoo("sample", run, "-n", 1, "--no-ema", "--out", "raw.png") == 0
    assert ganzoo("doctor", run, "--out", "doctor.png") == ganzoo("gallery", run, "--out", "gallery") == 0
    assert ganzoo("export", run, "--format", "pt2") == 0
    assert snapshot(run) == before


def test_doctor_makes_its_picture_in_the_run_and_nothing_else(run):
    before = snapshot(run)
    assert ganzoo("doctor", run) == 0
    assert snapshot(run).keys() - before.keys() == {"doctor.png"}


def test_a_resume_without_more_steps_writes_nothing(run):
    before = snapshot(run)
    api.resume(run, data=DATA)
    assert snapshot(run) == before


@pytest.mark.parametrize("steps", [3, 5])
def test_a_state_whose_replacement_was_stopped_is_gone_on_from(steps, run, tmp_path):
    other = Path(shutil.copytree(run, tmp_path / "other"))
    shutil.rmtree(run / "state/00000002")
    (run / "state/00000003").rename(run / "state/.00000003.old")
    (run / "state/.00000003.new").mkdir()
    (run / "state/.00000003.new/state.safetensors").write_bytes(b"half")
    for folder in (run, other):
        api.resume(folder, config_of(folder, steps=steps), DATA)
    shutil.rmtree(other / "state/00000002", ignore_errors=True)
    assert results(run) == results(other) and not list(run.rglob(".*"))


def killed_at(call: int, folder: Path) -> bool:
    """Train in a process that is killed before that call of os.replace; returns whether there was one."""
    if (child := os.fork()) == 0:
        calls, replace = [], os.replace

        def count(*paths: object) -> None:
            calls.append(paths)
            if len(calls) == call:
                os.kill(os.getpid(), signal.SIGKILL)
            replace(*paths)

        os.replace = count
        api.train(CONFIG, DATA, folder)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0


def test_a_run_that_is_killed_at_any_rename_goes_on_to_the_same_results(whole, tmp_path, capsys):
    """The first is that of config.json, after which there is a folder that is no run yet."""
    call = 0
    while killed_at(call := call + 1, folder := tmp_path / f"{call}"):
        if call == 1:
            assert ganzoo("train", "--resume", folder) == 2 == ganzoo("doctor", folder)
            assert "is not a run yet: start it with: ganzoo train VARIANT --out" in capsys.readouterr().err
            api.train(CONFIG, DATA, folder)
        else:
            api.resume(folder, data=DATA)
        assert results(folder) == results(whole), call
        assert not list(folder.rglob(".*")), f"{call}: leftovers"
    assert call > 18


def test_a_state_that_a_kill_kept_from_being_deleted_is_deleted_by_the_resume(run):
    shutil.copytree(run / "state/00000002", run / "state/00000001")
    api.resume(run, data=DATA)
    assert {path.name for path in (run / "state").iterdir()} == {"00000002", "00000003"}


def test_states_that_were_passed_over_do_not_count_among_the_two_that_are_kept(tmp_path):
    for step in (1, 2, 3, 8, 9):
        (tmp_path / f"{step:08d}").mkdir()
    checkpoint.delete_old_states(tmp_path, 3)
    assert [checkpoint.step_of(path) for path in checkpoint.saved_states(tmp_path)] == [2, 3, 8, 9]


@pytest.mark.parametrize("lost", ["samples/00000003.png", "release"])
def test_what_a_kill_kept_from_following_a_state_is_made_by_the_resume(lost, run, whole):
    old = run / "state/00000002"
    shutil.rmtree(run / lost) if (run / lost).is_dir() else (run / lost).unlink()
    assert old.is_dir()
    api.resume(run, data=DATA)
    assert results(run) == results(whole)


def test_a_release_of_another_state_is_replaced_by_the_resume(run, whole, tmp_path):
    other = api.train(with_train(CONFIG, steps=1), DATA, tmp_path / "other")
    shutil.rmtree(run / "release")
    shutil.copytree(other / "release", run / "release")
    api.resume(run, data=DATA)
    assert results(run) == results(whole)


@pytest.mark.parametrize(
    "left",
    [[], ["lock"], [".config.json.17"], ["lock", ".config.json.3", ".metrics.jsonl.4", "samples/", "state/"]],
    ids=str,
)
def test_a_half_made_run_is_recognised(left, tmp_path, whole):
    folder = tmp_path / "run"
    folder.mkdir()
    for name in left:
        (folder / name).mkdir() if name.endswith("/") else (folder / name).write_text('{"form')
    with pytest.raises(InputError, match="is not a run yet"):
        api.resume(folder, data=DATA)
    api.train(CONFIG, DATA, folder)
    assert results(folder) == results(whole) and not list(folder.rglob(".*"))


@pytest.mark.parametrize("mine", ["thesis.tex", ".hidden", "samples/x.png", ".notes.2024", "release/card.json"])
def test_a_folder_with_anything_else_is_not(mine, tmp_path):
    path = tmp_path / "run" / mine
    path.parent.mkdir(parents=True)
    path.write_text("years of work")
    (tmp_path / "run/lock").touch()
    before = snapshot(tmp_path / "run")
    with pytest.raises(InputError, match="is not an empty folder"):
        api.train(CONFIG, DATA, tmp_path / "run")
    assert snapshot(tmp_path / "run") == before


def test_who_comes_second_writes_nothing(tmp_path):
    folder = tmp_path / "run"
    with file_lock(folder / "lock"), pytest.raises(InputError, match="is being trained by another process"):
        api.train(CONFIG, DATA, folder)
    assert [path.name for path in folder.iterdir()] == ["lock"]


def test_of_processes_that_create_one_run_one_does(tmp_path, whole):
    go, start = os.pipe()
    children = []
    for seed in range(4):
        if (child := os.fork()) == 0:
            os.close(start)
            os.read(go, 1)  # until the parent closes the other end
            try:
                api.train(CONFIG.model_copy(update={"seed": seed}), DATA, tmp_path / "run")
            except InputError:
                os._exit(2)
            os._exit(0)
        children.append(child)
    os.close(start)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    os.close(go)
    assert sorted(codes) == [0, 2, 2, 2] and RunDir(tmp_path / "run").config().seed == codes.index(0)


def at_step(step: int, act, monkeypatch):
    """Let `act` happen within that step."""

    def train_step(trainer, original=Trainer.train_step):
        original(trainer)
        if trainer.step == step:
            act()

    monkeypatch.setattr(Trainer, "train_step", train_step)


def another_run(folder: Path) -> None:
    shutil.rmtree(folder)
    RunDir(folder).create(CONFIG)
    (folder / "lock").touch()


GONE = {
    "deleted": shutil.rmtree,
    "moved": lambda folder: folder.rename(folder.with_name("elsewhere")),
    "emptied": lambda folder: [shutil.rmtree(p) if p.is_dir() else p.unlink() for p in folder.iterdir()],
    "replaced": another_run,
}


@pytest.mark.parametrize("how", GONE)
@pytest.mark.parametrize("due", [{"log_every": 1}, {"save_every": 3}, {"sample_every": 3}, {}], ids=str)
def test_a_folder_that_is_gone_ends_the_training_and_is_not_made_again(how, due, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    config = small("nsgan", train={"steps": 4, "log_every": 100} | due)
    left = {}

    def lose():
        GONE[how](folder)
        left.update(snapshot(tmp_path))

    at_step(3, lose, monkeypatch)
    with pytest.raises(InputError, match=r"run was deleted or moved during training; stopped unsaved after step [34]"):
        api.train(config, DATA, folder)
    assert snapshot(tmp_path) == left and folder.exists() == (how in ("emptied", "replaced"))


@pytest.mark.parametrize("call", range(1, 5))
def test_so_does_one_that_goes_while_it_is_written_to(call, tmp_path, monkeypatch):
    """At each of the renames of a save: two files of the state, the state, a file of the release."""
    folder, replace, calls = tmp_path / "run", os.replace, []

    def lose(*paths):
        calls.append(paths)
        if len(calls) == call:
            folder.rename(tmp_path / "elsewhere")
        replace(*paths)

    at_step(2, lambda: monkeypatch.setattr(os, "replace", lose), monkeypatch)
    with pytest.raises(InputError, match="run was deleted or moved during training"):
        api.train(CONFIG, DATA, folder)
    assert not folder.exists()


def test_ctrl_c_says_what_happens_and_a_second_one_what_is_kept(tmp_path, monkeypatch, capsys):
    config = with_train(CONFIG, steps=9)
    at_step(3, lambda: signal.raise_signal(signal.SIGINT), monkeypatch)
    with pytest.raises(Interrupted, match="stopped after step 3 of 9; resume with"):
        api.train(config, DATA, tmp_path / "run", quiet=False)
    assert capsys.readouterr().err.count("stopping after this step, then saving; press Ctrl-C again") == 1
    at_step(5, lambda: [signal.raise_signal(signal.SIGINT) for _ in range(2)], monkeypatch)
    with pytest.raises(Interrupted, match="stopped at once without saving; the last saved step is 4; resume with"):
        api.resume(tmp_path / "run", data=DATA)
    monkeypatch.undo()
    api.resume(tmp_path / "run", data=DATA)
    stopped = results(tmp_path / "run")
    assert stopped.pop("samples/00000003.png"), "every state has its grid"
    assert stopped == results(api.train(config, DATA, tmp_path / "whole"))


def test_a_comparison_says_what_a_signal_does(tmp_path, monkeypatch):
    said: list[str] = []

    class Book:
        folder = tmp_path

        def old(self):
            signal.raise_signal(signal.SIGTERM)

    class Asked:
        book, settings, cells, places = Book(), [], [], []

        class request:
            out, quiet, jobs, seeds, budget = tmp_path, True, 1, 0, "steps=1"

    with pytest.raises(KeyboardInterrupt):
        runner.run_comparison(Asked, say=said.append)
    assert said[1:] == [runner.STOPPING]


def test_states_are_listed_by_step_wherever_they_are(tmp_path):
    for name in ("00000004", ".00000012.old", "best", "00000004-copy", ".00000004.old", ".00000016.new"):
        (tmp_path / name).mkdir()
    assert [path.name for path in checkpoint.saved_states(tmp_path)] == ["00000004", ".00000012.old"]


def test_the_last_record_is_the_last_complete_line(tmp_path):
    run = RunDir(tmp_path)
    assert run.last_record() is None
    counters = {"d_steps": 1, "g_steps": 1, "images": 4, "terms": {}, "seconds": 1.0, "images_per_second": 4.0}
    for step in (1, 2):
        run.append({"step": step} | counters)
    with run.metrics.open("a") as file:
        file.write('{"step": 3, "d_st')
    assert run.last_record().step == 2
