"""The check against the published FID of CIFAR-10's splits, with a stand-in for Inception and for the images."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ganzoo.errors import InputError
from ganzoo.evaluation import EXTRACTORS
from ganzoo.evaluation.check_inception import __main__ as check
from ganzoo.evaluation.features import FeatureReader
from ganzoo.evaluation.metrics import fid
from tiny_extractor import data, tiny

TRAIN, TEST = data(90), data(60, 1, "test")


@pytest.fixture
def stand_in(tmp_path, monkeypatch) -> float:
    """The FID of 40 images each that the check must find."""
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path))
    monkeypatch.setitem(EXTRACTORS, "inception", lambda path="": tiny())
    monkeypatch.setattr(check, "load", lambda spec, split="train": {"train": TRAIN, "test": TEST}[split])
    monkeypatch.setattr(check, "IMAGES", 40)
    reader = FeatureReader(tiny())
    return fid(reader.data(TRAIN.subset(40)), reader.data(TEST.subset(40)))["fid"].value


@pytest.mark.parametrize(("off", "code", "verdict"), [(0.09, 0, "agrees with"), (-0.11, 1, "differs from")])
def test_the_value_is_compared_with_the_published_one(stand_in, off, code, verdict, monkeypatch, capsys):
    monkeypatch.setattr(check, "PUBLISHED", stand_in + off)
    assert check.main([]) == code
    printed = capsys.readouterr().out
    assert f"40 training against 40 test images: {stand_in:.2f}, {verdict} {stand_in + off}" in printed


def test_the_published_value():
    assert (check.PUBLISHED, check.IMAGES) == (5.19, 10_000)


def test_the_file_of_the_weights_can_be_named(stand_in, monkeypatch, capsys):
    named = []
    monkeypatch.setitem(EXTRACTORS, "inception", lambda path="": named.append(path) or tiny())
    check.main(["--extractor", "inception:mine.pth"])
    assert named == ["mine.pth"]


def test_missing_images_are_one_line(stand_in, monkeypatch, capsys):
    def missing(spec, split="train"):
        raise InputError("cannot get cifar10")

    monkeypatch.setattr(check, "load", missing)
    assert check.main([]) == 2 and capsys.readouterr().err == "check_inception: cannot get cifar10\n"


def test_as_a_command_without_the_weights_it_is_one_line_and_exit_code_2(tmp_path):
    environment = os.environ | {"GANZOO_HOME": str(tmp_path), "TORCH_HOME": str(tmp_path)}
    words = ["-m", "ganzoo.evaluation.check_inception", "--extractor", f"inception:{tmp_path / 'weights.pth'}"]
    ended = subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("check_inception: the extractor 'inception' needs the file") and "download it from" in line
