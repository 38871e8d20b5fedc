"""The log, the grids and the finding of what is not finite."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from ganzoo import api, cli
from ganzoo.atomic_io import read_json
from ganzoo.config.schema import with_train
from ganzoo.errors import InputError, TrainingFailed
from ganzoo.training.release import Card
from ganzoo.training.run_dir import RunDir
from small_runs import small, toy_data


def test_the_log_holds_every_term_norms_and_counters(tmp_path):
    run = RunDir(api.train(small("infogan", train={"steps": 3, "ratio": "2:1"}), toy_data(), tmp_path / "run"))
    records = run.records()
    assert [r["step"] for r in records] == [1, 2, 3]
    last = records[-1]
    assert (last["d_steps"], last["g_steps"], last["images"]) == (6, 3, 24)
    terms = {"d/real", "d/fake", "d/categorical", "d/continuous", "g/adv", "g/categorical", "g/continuous"}
    norms = {f"norm/{player}{end}" for player in "dg" for end in ("", ".first", ".last")}
    seen = {"score/real", "score/fake", "score/apart", "score/r_t", "variety/pixels", "variety/features"}
    assert last["terms"].keys() == terms | norms | seen
    assert all(isinstance(v, float) for v in last["terms"].values()) and last["terms"]["norm/g"] > 0
    assert last["images_per_second"] > 0 and last["seconds"] > 0


def test_a_card_says_what_is_asked_of_every_card(tmp_path):
    run = api.train(small("nsgan", train={"steps": 1}), toy_data(), tmp_path / "run")
    required = {name for name, field in Card.model_fields.items() if field.is_required()}
    assert set(read_json(run / "release/card.json")) == {"format", "config_sha256", *required}


def test_a_loss_may_add_readings_of_its_own(tmp_path):
    run = RunDir(api.train(small("began", train={"steps": 2}), toy_data(), tmp_path / "run"))
    assert {"loss/k", "loss/convergence"} <= run.records()[-1]["terms"].keys()


def test_grids_at_growing_steps_of_the_same_latents(tmp_path):
    config = small("nsgan", train={"steps": 12, "sample_every": 10, "save_every": 100})
    run = api.train(config, toy_data(), tmp_path / "run")
    assert [int(p.stem) for p in sorted((run / "samples").iterdir())] == [1, 2, 4, 8, 10, 12]


def test_a_conditional_grid_has_one_class_a_column(tmp_path):
    from PIL import Image

    run = api.train(small("cgan", train={"steps": 1}), toy_data(classes=3), tmp_path / "run")
    assert Image.open(run / "samples/00000001.png").size == (2 + 3 * 30, 2 + 8 * 30)


def test_nan_names_the_step_and_the_last_finite_state_is_kept(tmp_path, monkeypatch):
    from ganzoo.losses import NSGAN

    calls = []

    def poisoned(self, real, fake):
        calls.append(1)
        return {"adv": fake.score.mean() * (float("nan") if len(calls) == 5 else 1.0)}

    monkeypatch.setattr(NSGAN, "g_loss", poisoned)
    config = small("nsgan", train={"steps": 20, "save_every": 2, "log_every": 10})
    with pytest.raises(
        TrainingFailed, match=r"NaN or infinite .* first non-finite loss in step 5; last finite state: .*00000004"
    ):
        api.train(config, toy_data(), tmp_path / "run")
    assert [p.name for p in sorted((tmp_path / "run/state").iterdir())] == ["00000002", "00000004"]


def test_no_step_waits_for_the_device(monkeypatch):
    """No `.item()` and no truth of a tensor within a step: on a GPU each would stop the queue."""
    from ganzoo.api import resolve_config
    from ganzoo.training.loop import make_trainer

    data = toy_data()
    for variant in ("wgan-gp", "began", "infogan", "rpgan", "coulomb"):
        trainer = make_trainer(resolve_config(small(variant), data), data)
        trainer.train_step()
        with monkeypatch.context() as patch:
            for name in ("item", "tolist", "__bool__", "__float__", "__int__"):
                patch.setattr(torch.Tensor, name, refuse)
            trainer.d_step()
            trainer.g_step()


def refuse(*_):
    raise AssertionError("the step waits for the device")


def test_tensorboard_shows_the_log(tmp_path):
    pytest.importorskip("tensorboard")
    run = api.train(small("nsgan", train={"steps": 2, "tensorboard": True}), toy_data(), tmp_path / "run")
    (events,) = (run / "tensorboard").iterdir()
    assert b"d/real" in events.read_bytes()


def test_a_missing_tensorboard_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match=r"pip install 'ganzoo-torch\[tensorboard\]'"):
        api.train(small("nsgan", train={"tensorboard": True}), toy_data(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("form", [torch.Tensor, np.asarray, torch.Tensor.tolist])
def test_a_tensor_or_array_takes_the_place_of_the_data(form, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = form(torch.rand(20, 3, 28, 28) * 2 - 1)
    run = RunDir(api.train(small("lsgan", train={"steps": 1}), images))
    assert run.config().dataset.shape == (3, 28, 28) and run.config().dataset.class_names == ()
    assert run.folder.as_posix() == "runs/lsgan-memory-s0"
    assert (run.config().data.spec, run.config().dataset.name) == ("memory", "memory")
    api.resume(run.folder, with_train(run.config(), steps=2), images)
    assert run.records()[-1]["step"] == 2


@pytest.mark.parametrize("spec", ["digits", "mnist", "folder:nowhere"])
@pytest.mark.parametrize("name", ["memory", "scans", "mnist"])
def test_data_from_python_are_recorded_as_memory_with_their_own_name_and_digest(spec, name, tmp_path):
    """Whatever the config would have had."""
    data = replace(toy_data(), name=name)
    run = RunDir(api.train(small("cgan", data={"spec": spec}, train={"steps": 1}), data, tmp_path / "run"))
    kept = run.config()
    assert (kept.data.spec, kept.dataset.name, kept.dataset.digest) == ("memory", name, data.digest)
    released = read_json(run.release / "card.json")
    assert (released["data"], released["data_digest"]) == (name, data.digest)
    with pytest.raises(
        InputError, match=f"the data '{name}' were passed from Python and .* ganzoo.resume.*data=.* --data"
    ):
        api.resume(run.folder, with_train(kept, steps=2))
    with pytest.raises(InputError, match="the data 'memory' are not the data that"):
        api.resume(run.folder, with_train(kept, steps=2), toy_data(n=41))
    api.resume(run.folder, with_train(kept, steps=2), data)
    assert run.config().data.spec == "memory" and run.records()[-1]["step"] == 2


@pytest.mark.parametrize(("variant", "part"), [("cgan", "condition"), ("acgan", "loss acgan"), ("ssgan", "loss ssgan")])
def test_what_does_not_fit_is_said_of_memory(variant, part, tmp_path):
    """No other name: it is not `digits` that have no labels."""
    with pytest.raises(InputError, match=f"{part} needs labels, but the data 'memory' have none"):
        api.train(small(variant, train={"steps": 1}), toy_data(classes=0), tmp_path / "run")


def test_a_run_of_before_that_names_other_data_goes_on_with_its_own(tmp_path):
    """Data from Python were recorded under the spec that they took the place of."""
    data = toy_data()
    run = RunDir(api.train(small("cgan", train={"steps": 1}), data, tmp_path / "run"))
    old = run.config()
    old = old.model_copy(update={"data": old.data.model_copy(update={"spec": "digits"})})
    run.write_config(old)
    with pytest.raises(
        InputError, match=r"'digits' are not the data that .* \(if they came from Python, pass them as data=\)"
    ):
        api.resume(run.folder, with_train(old, steps=2))
    api.resume(run.folder, with_train(old, steps=2), data)
    assert run.records()[-1]["step"] == 2


def test_more_steps_move_the_end_of_falling_rates_which_is_said(tmp_path, capsys):
    config = small("nsgan", train={"steps": 1, "lr_decay_steps": "all"})
    run = RunDir(api.train(config, toy_data(), tmp_path / "run", quiet=False))
    assert "fall to 0" not in capsys.readouterr().err
    api.resume(run.folder, data=toy_data(), steps=2, quiet=False)
    assert "both learning rates now fall to 0 at step 2, not 1: " in capsys.readouterr().err
    api.resume(run.folder, data=toy_data(), quiet=False)
    assert "fall to 0" not in capsys.readouterr().err


def test_a_run_of_memory_goes_on_with_a_file_of_the_same_images(tmp_path):
    data = toy_data()
    run = RunDir(api.train(small("cgan", train={"steps": 1}), data, tmp_path / "run"))
    np.savez(tmp_path / "toys.npz", images=data.images.transpose(0, 2, 3, 1), labels=data.labels)
    spec = f"npz:{tmp_path / 'toys.npz'}"
    assert cli.run(["train", "--resume", str(run.folder), "--steps", "2", "--data", spec, "--quiet"]) == 0
    assert run.config().data.spec == spec and run.records()[-1]["step"] == 2


@pytest.mark.parametrize(
    "words",
    [
        ["train", "nsgan", "--data", "memory"],
        ["train", "nsgan", "--set", "data.spec=memory"],
        ["train", "mine.toml"],
        ["train", "--resume", "run", "--steps", "2"],
        ["compare", "nsgan", "--budget", "steps=3", "--data", "memory", "--out", "out"],
        ["evaluate", "run"],
        ["evaluate", "run", "--data", "memory"],
    ],
)
def test_memory_cannot_be_named_where_there_is_no_program(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "memory").mkdir()  # a folder of that name changes nothing
    (tmp_path / "mine.toml").write_text('extends = "nsgan"\n[data]\nspec = "memory"\n')
    api.train(small("nsgan", train={"steps": 1}), toy_data(), tmp_path / "run")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert cli.run(words) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "memory" in said and "are in no file" in said and "data=" in said
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_default_folder_has_the_name_of_the_data(tmp_path, monkeypatch):
    for folder in ("my.a", "my.b"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "my.a")
    for spec, name in {
        "folder:.": "my.a",
        "folder:../my.b/": "my.b",
        "digits": "digits",
        "hf:me/pets": "pets",
        "hf:me/grid": "hf-grid",
    }.items():
        assert api.default_run_folder(small("lsgan", data={"spec": spec})).as_posix() == f"runs/lsgan-{name}-s0"


@pytest.mark.parametrize("data", [b"digits", 3, object(), np.zeros((4, 28, 28), np.uint8)])
def test_data_of_another_form_are_refused(data, tmp_path):
    with pytest.raises(InputError, match=r"images must be \(N, C, H, W\)"):
        api.train(small("lsgan", train={"steps": 1}), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "options",
    [
        {"max_images": 10},
        {"classes": [0]},
        {"labelled": 9},
        {"labelled_share": 0.5},
        {"size": 64},
        {"channels": 3},
        {"crop": "pad"},
    ],
)
def test_options_that_choose_among_images_are_refused_beside_data(options, tmp_path):
    (name,) = options
    with pytest.raises(InputError, match=f"data.{name} has no effect with data="):
        api.train(small("lsgan", data=options, train={"steps": 1}), toy_data(), tmp_path / "run")
    assert not (tmp_path / "run").exists()
