"""A disk that fills while a run writes to it: one clear line, nothing lost, and with more room the same bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from damage import value_or_line

from ganzoo import api
from ganzoo.config.schema import with_train
from ganzoo.sampling import load
from ganzoo.training import checkpoint
from ganzoo.training.run_dir import RunDir
from small_runs import results, small, toy_data

DATA = toy_data(size=16)
CONFIG = small("nsgan", train={"steps": 6, "save_every": 2})
ROOM = 4 * 1024  # KiB; more than a run takes


def mount(folder: Path, size: int, *options: str) -> bool:
    """Give the file system at `folder` so many KiB; returns whether that is allowed."""
    words = ["mount", "-t", "tmpfs", "-o", ",".join((f"size={size}k", *options)), "tmpfs", str(folder)]
    return subprocess.run(words, capture_output=True).returncode == 0


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0 or not mount(folder, ROOM):
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def resize(disk: Path, size: int) -> None:
    assert mount(disk, size, "remount")


def used(disk: Path) -> int:
    return shutil.disk_usage(disk).used // 1024


def go_on(folder: Path) -> Path:
    run = RunDir(folder)
    if not run.config_file.exists():
        return api.train(CONFIG, DATA, folder)
    return api.resume(folder, with_train(run.config(), steps=CONFIG.train.steps), DATA)


@pytest.mark.parametrize("first", [0, 3], ids=["in_a_new_run", "in_a_resume"])
def test_the_disk_fills(first, share, disk, tmp_path, tally):
    begun = tmp_path / "begun"
    if first:
        api.train(with_train(CONFIG, steps=first), DATA, begun)
        shutil.copytree(begun, tmp_path / "whole")
    expected = results(go_on(tmp_path / "whole"))
    folder = disk / "run"
    for more in share.of(range(4, 1300, 24)):
        if first:
            shutil.copytree(begun, folder)
        resize(disk, used(disk) + more)
        _, line = value_or_line(lambda: go_on(folder))
        if line:
            assert "No space left on device" in line and str(folder) in line, line
            assert first <= usable(folder)
            tally["full disks"] += 1
        resize(disk, ROOM)
        assert results(go_on(folder)) == expected and not list(folder.rglob(".*")), more
        shutil.rmtree(folder)


def usable(folder: Path) -> int:
    """The last step of a run that can be drawn from, by its state and by its release; 0 if nothing was saved."""
    kept = checkpoint.saved_states(folder / "state")
    if not kept:
        return 0
    assert load(folder, raw=True).sample(1).shape == (1, 1, 16, 16)
    if (folder / "release").exists():
        assert load(folder).sample(1).shape == (1, 1, 16, 16)
    return checkpoint.step_of(kept[-1])
