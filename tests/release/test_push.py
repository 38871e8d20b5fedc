"""To the Hub and back, against a double of its API, and against the signatures of the real one where it is installed."""

from __future__ import annotations

import inspect
import json
import sys
from importlib import import_module

import pytest
import torch
from hub_double import Hub
from installed import need

import ganzoo
from ganzoo import cli
from ganzoo.atomic_io import read_json, write_json
from ganzoo.errors import InputError
from ganzoo.release.card import model_card
from ganzoo.release.push import push
from ganzoo.sampling.checkpoints import release_folder
from ganzoo.training.release import DISPLAY_FILES, REQUIRED_FILES

ADDRESS = "hf:jane/digits"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    found = Hub(tmp_path / "hub")
    for name, module in found.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return found


def head(text):
    """The front matter, read line by line."""
    opening, body, _ = text.split("---\n", 2)
    assert opening == ""
    return {key: json.loads(value) for key, value in (line.split(": ", 1) for line in body.splitlines())}


def test_what_was_pushed_is_loaded_and_draws_the_same(hub, finished):
    assert push(finished, ADDRESS) == ["https://huggingface.co/jane/digits"]
    assert {p.name for p in (hub.folder / "jane/digits").iterdir()} == {*REQUIRED_FILES, *DISPLAY_FILES, "README.md"}
    assert torch.equal(ganzoo.load(ADDRESS).sample(4), ganzoo.load(finished).sample(4))
    assert hub.log == [(what, "jane/digits") for what in ("create_repo", "upload_folder", "snapshot_download")]


def test_a_run_is_pushed_with_a_grid_of_its_own(hub, run):
    push(run, ADDRESS)
    pushed = {p.name for p in (hub.folder / "jane/digits").iterdir()}
    assert pushed == {*REQUIRED_FILES, "grid.png", "README.md"}
    assert not (run / "release/grid.png").exists(), "the run stays as it is"


def test_from_the_command_line_and_back(hub, run, tmp_path, capsys):
    assert cli.run(["push", str(run), ADDRESS, "--license", "cc0-1.0"]) == 0
    assert "https://huggingface.co/jane/digits" in capsys.readouterr().out
    assert head((hub.folder / "jane/digits/README.md").read_text())["license"] == "cc0-1.0"
    assert cli.run(["sample", ADDRESS, "-n", "4", "--out", str(tmp_path / "x.png")]) == 0
    assert (tmp_path / "x.png").exists()


def test_the_model_card_has_what_the_hub_reads(finished):
    card = read_json(finished / "card.json") | {"data": "mnist"}
    said = head(model_card(card, ADDRESS))
    assert said["license"] == "mit" and said["library_name"] == "ganzoo" and said["datasets"] == ["ylecun/mnist"]
    assert said["pipeline_tag"] == "unconditional-image-generation" and said["metrics"] == ["fid", "is"]
    (result,) = said["model-index"][0]["results"]
    assert result["metrics"] == [{"type": "fid", "name": "fid-digits@10k/test", "value": 12.3456}]
    assert f"ganzoo sample {ADDRESS}" in model_card(card, ADDRESS)


def test_a_licence_or_data_that_nobody_stated_are_not_made_up(run):
    said = head(model_card(read_json(run / "release/card.json"), ADDRESS))
    assert said["license"] == "other" and "datasets" not in said and "model-index" not in said


@pytest.mark.parametrize("stranger", ["weights.pkl", "notes.txt", "more/"])
def test_any_other_file_is_refused_before_anything_is_sent(hub, release, stranger):
    (release / stranger).mkdir() if stranger.endswith("/") else (release / stranger).write_bytes(b"x")
    with pytest.raises(InputError, match=rf"holds {stranger.strip('/')}: a release has only"):
        push(release, ADDRESS)
    assert not hub.log


def test_weights_that_are_not_the_cards_are_refused_before_anything_is_sent(hub, release):
    (release / "generator.safetensors").write_bytes(b"x")
    with pytest.raises(InputError, match="SHA-256"):
        push(release, ADDRESS)
    assert not hub.log


def test_weights_that_changed_on_the_way_are_refused(hub, release):
    push(release, ADDRESS)
    path = hub.folder / "jane/digits/generator.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="SHA-256"):
        ganzoo.load(ADDRESS)


def test_other_files_of_a_repository_are_not_fetched(hub, release):
    push(release, ADDRESS)
    (hub.folder / "jane/digits/weights.pkl").write_bytes(b"evil")
    assert not (release_folder(ADDRESS) / "weights.pkl").exists()


def test_a_repository_of_something_else_is_refused(hub):
    (hub.folder / "jane/digits").mkdir(parents=True)
    (hub.folder / "jane/digits/config.json").write_text("{}")
    with pytest.raises(InputError, match=r"is not a ganzoo release: it has no generator.safetensors, card.json"):
        ganzoo.load(ADDRESS)
    write_json(hub.folder / "jane/digits/card.json", {"format": 1})
    (hub.folder / "jane/digits/generator.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match=r"card.json is damaged: variant is missing"):
        ganzoo.load(ADDRESS)


@pytest.mark.parametrize(
    "error", [KeyError("url"), AttributeError("'list' object has no attribute 'get'"), TypeError()]
)
@pytest.mark.parametrize("call", ["create_repo", "upload_folder", "snapshot_download"])
def test_an_odd_answer_of_the_hub_is_one_line(hub, run, monkeypatch, call, error):
    """What the library stumbles over where an answer has another form than it expects."""

    def answer(what, repo_id):
        if what == call:
            raise error

    monkeypatch.setattr(hub, "answer", answer)
    with pytest.raises(InputError, match=r"^hf:jane/digits: ") as caught:
        ganzoo.load(ADDRESS) if call == "snapshot_download" else push(run, ADDRESS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("folder", [None, 5, ["x"]])
def test_a_folder_that_the_library_does_not_name_is_one_line(hub, monkeypatch, folder):
    monkeypatch.setattr(sys.modules["huggingface_hub"], "snapshot_download", lambda *_, **__: folder)
    with pytest.raises(InputError, match=r"^hf:jane/digits: "):
        ganzoo.load(ADDRESS)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["push", "RUN", "jane/digits"], "expected hf:USER/NAME"),
        (["push", "RUN", "hf:jane"], "expected hf:USER/NAME"),
        (["push", "RUN", "hf:jane/../x"], "expected hf:USER/NAME"),
        (["push", "nothing", ADDRESS], "'nothing'"),
        (["sample", "hf:jane"], "expected hf:USER/NAME"),
        (["sample", "hf:jane/nothing"], "hf:jane/nothing: 404 Client Error"),
        (["sample", "hf:jane/nothing", "--no-ema"], "hf:jane/nothing: 404 Client Error"),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(hub, run, words, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.run([str(run) if word == "RUN" else word for word in words]) == 2
    printed = capsys.readouterr().err
    assert says in printed and printed.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_no_network_is_one_line(hub, run):
    hub.offline = True
    for call in (lambda: push(run, ADDRESS), lambda: ganzoo.load(ADDRESS)):
        with pytest.raises(InputError, match=r"^hf:jane/digits: Connection refused \(.*hf auth login"):
            call()


def test_without_the_extra_it_is_named(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for call in (lambda: push(run, ADDRESS), lambda: ganzoo.load(ADDRESS)):
        with pytest.raises(InputError, match=r"pip install 'ganzoo-torch\[hub\]'"):
            call()


def test_the_real_library_takes_what_it_is_given(finished):
    need("huggingface_hub")
    real = import_module("huggingface_hub")
    inspect.signature(real.HfApi.create_repo).bind(None, "u/n", exist_ok=True, repo_type="space", space_sdk="gradio")
    upload = {
        "repo_id": "u/n",
        "repo_type": "model",
        "folder_path": "x",
        "allow_patterns": ["x"],
        "commit_message": "x",
    }
    inspect.signature(real.HfApi.upload_folder).bind(None, **upload)
    inspect.signature(real.snapshot_download).bind("u/n", allow_patterns=["x"])
    card = real.ModelCard(model_card(read_json(finished / "card.json") | {"data": "mnist"}, ADDRESS))
    assert card.data.license == "mit" and card.data.pipeline_tag == "unconditional-image-generation"
    assert [result.metric_type for result in card.data.eval_results] == ["fid"]
