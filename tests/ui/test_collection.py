"""Which checkpoints are at hand."""

from __future__ import annotations

import json
import shutil

import pytest

from ganzoo.errors import InputError
from ganzoo.sampling import checkpoints
from ganzoo.ui.collection import collect


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A folder of its own, in an installation that ships one release."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoints, "RELEASE_FOLDERS", (tmp_path / "shipped",))


def test_a_folder_stands_for_all_in_it(runs):
    found = collect([str(runs), str(runs / "cgan/release")])
    names = [str(runs / name) for name in ("cgan", "infogan", "nsgan")]
    assert list(found.samplers) == [*names, str(runs / "cgan/release")] and found.left_out == []


def test_without_names_it_is_what_ships_and_the_runs_here(runs, tmp_path):
    with pytest.raises(InputError, match=r"no checkpoint to show in this installation or in runs/; name a run"):
        collect([])
    shutil.copytree(runs / "nsgan/release", tmp_path / "shipped/nsgan-mnist")
    assert list(collect([]).samplers) == ["nsgan-mnist"]
    shutil.copytree(runs / "cgan", tmp_path / "runs/mine")
    assert list(collect([]).samplers) == ["nsgan-mnist", str(checkpoints.Path("runs/mine"))]
    assert list(collect(["nsgan"]).samplers) == ["nsgan"]


@pytest.mark.parametrize(("file", "key"), [("config.json", "loss"), ("card.json", "about")])
def test_one_that_lacks_a_key_is_left_out_with_the_reason(file, key, runs, tmp_path):
    for name in ("good", "broken"):
        shutil.copytree(runs / "nsgan/release", tmp_path / "all" / name)
    table = json.loads((tmp_path / "all/broken" / file).read_text())
    table = table | {"loss": {}} if key == "loss" else {k: v for k, v in table.items() if k != key}
    (tmp_path / "all/broken" / file).write_text(json.dumps(table))
    found = collect(["all"])
    assert len(found.samplers) == 1 and file in found.left_out[0] and key in found.left_out[0]


def test_a_broken_one_among_others_is_left_out_and_one_that_is_named_refused(runs, tmp_path):
    shutil.copytree(runs / "nsgan/release", tmp_path / "all/good")
    shutil.copytree(runs / "nsgan/release", tmp_path / "all/broken")
    (tmp_path / "all/broken/generator.safetensors").write_bytes(b"x")
    found = collect(["all"])
    assert len(found.samplers) == 1 and len(found.left_out) == 1 and "SHA-256" in found.left_out[0]
    with pytest.raises(InputError, match="SHA-256"):
        collect(["all/broken"])
