"""What is installed without the checkout works as in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The built wheel, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    assert wheel.name.startswith("ganzoo_torch-") and wheel.stat().st_size < 35e6
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_it_carries_configs_digits_and_their_licence(installed):
    assert (installed / "ganzoo/zoo_configs/wgan-gp.toml").exists()
    assert (installed / "ganzoo/zoo_configs/papers/cifar10/wgan-gp.toml").exists()
    assert (installed / "ganzoo/data/digits-LICENSE.txt").exists()


def test_it_lists_and_trains(installed, tmp_path):
    def ganzoo(*words):
        environment = os.environ | {"PYTHONPATH": str(installed), "GANZOO_HOME": str(tmp_path / "home")}
        command = [sys.executable, "-m", "ganzoo", *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    rows = json.loads(ganzoo("list", "--json").stdout)
    assert {"wgan-gp", "papers/cifar10/wgan-gp"} <= {row["variant"] for row in rows}
    done = ganzoo("train", "nsgan", "--steps", "1", "--set", "train.batch_size=4", "--out", "run")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run/samples/00000001.png").exists()
