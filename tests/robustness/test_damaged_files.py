"""Files that are not as they were written: refused in one line, or done without; never other images without a word."""

from __future__ import annotations

import contextlib
import io
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from damage import damage, damages, restore, value_or_line
from stand_ins import compare, request

from ganzoo import api
from ganzoo.cli import diagnose as doctor
from ganzoo.config.schema import with_train
from ganzoo.data import load as load_data
from ganzoo.evaluation.features import FeatureReader
from ganzoo.experiments import runner
from ganzoo.sampling import load
from ganzoo.training.run_dir import RunDir
from ganzoo.ui.collection import collect
from ganzoo.ui.gallery import write_gallery
from small_runs import results, small, toy_data
from tiny_extractor import data as pictures
from tiny_extractor import tiny

DATA = toy_data(size=16)
CONFIG = small("cgan", train={"steps": 4, "save_every": 2})
LOG = ("metrics.jsonl", "findings.jsonl")  # whose numbers no digest covers


class World(NamedTuple):
    """A folder to damage, a copy of it, and its files."""

    folder: Path
    copy: Path

    @property
    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.copy)) for path in self.copy.rglob("*") if path.is_file())

    def inputs(self, share, places: int) -> list[tuple[str, int]]:
        """Damages to try: the name of a file and a seed each."""
        return share.of([(name, seed) for name in self.files for seed in damages(places)])

    def damaged(self, name: str, seed: int) -> None:
        """Leave the folder as it was, but for one file."""
        restore(self.folder, self.copy)
        damage(self.folder / name, seed)


def world(folder: Path) -> World:
    return World(folder, Path(shutil.copytree(folder, folder.with_name(f"{folder.name}-copy"))))


@pytest.fixture
def run(tmp_path):
    return world(api.train(CONFIG, DATA, tmp_path / "all/run"))


def note(tally, line: str) -> None:
    tally["inputs"] += 1
    tally["inputs, refused" if line else "inputs, read"] += 1


def test_what_is_drawn_from_a_run_or_release_is_as_before_or_refused(share, run, tally, tmp_path):
    release = tmp_path / "release"
    readers = {raw: lambda raw=raw: load(run.folder, raw).sample(2) for raw in (False, True)}
    expected = {raw: read() for raw, read in readers.items()}
    for name, seed in run.inputs(share, places=6):
        run.damaged(name, seed)
        for raw, read in readers.items():
            images, line = value_or_line(read)
            assert line or images.equal(expected[raw]), (name, seed)
        if name.startswith("release/"):
            restore(release, run.folder / "release") if (run.folder / name).is_file() else None
        note(tally, line)


def test_a_resume_ends_as_it_would_have_or_refuses(share, run, tally):
    longer = with_train(RunDir(run.folder).config(), steps=6)
    api.resume(run.folder, longer, DATA)
    expected = results(run.folder)
    for name, seed in run.inputs(share, places=6):
        run.damaged(name, seed)
        _, line = value_or_line(lambda: api.resume(run.folder, longer, DATA))
        if not line:
            found = results(run.folder)
            wrong = {key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)}
            assert wrong <= {*LOG, name, f"{name}/mine"}, (name, seed)
        note(tally, line)


def test_doctor_and_gallery_show_it_or_say_why_not(share, run, tally, tmp_path):
    page = tmp_path / "page/index.html"
    for name, seed in run.inputs(share, places=3):
        run.damaged(name, seed)
        with contextlib.redirect_stdout(io.StringIO()):
            _, line = value_or_line(lambda: doctor.report(doctor.of_run(run.folder), None, as_json=True))
        found, _ = value_or_line(lambda: collect([str(run.folder.parent)]))
        assert not found or write_gallery(found, page.parent) == page, (name, seed)
        note(tally, line)


def test_the_cache_gives_what_was_put_into_it(share, tally, tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path / "home"))
    np.savez(tmp_path / "set.npz", images=DATA.images[:, 0], labels=DATA.labels)
    spec, reals = f"npz:{tmp_path / 'set.npz'}", pictures(12)

    def read():
        return load_data(spec, quiet=True), FeatureReader(tiny()).data(reals)

    data, features = read()
    data.images.copy()
    cache = world(tmp_path / "home")
    for name, seed in cache.inputs(share, places=12):
        cache.damaged(name, seed)
        found, line = value_or_line(read)
        if found:
            assert found[0].digest == data.digest and (found[0].images == DATA.images).all(), (name, seed)
            assert (found[0].labels == DATA.labels).all() and found[1].features.equal(features.features)
        note(tally, line)


def test_a_comparison_is_finished_or_refused(share, tally, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "write_report", lambda results, folder: folder)
    asked = request(tmp_path, ("nsgan",), seeds=1)
    compare(asked)
    out = world(asked.out)
    weights = "cells/nsgan-s0/release/generator.safetensors"
    for name, seed in out.inputs(share, places=3):
        out.damaged(name, seed)
        _, line = value_or_line(lambda: compare(asked))
        assert line or name == weights or (asked.out / weights).read_bytes() == (out.copy / weights).read_bytes()
        note(tally, line)
