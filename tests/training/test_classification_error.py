"""The test error is right, and looking at it changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ganzoo import api, rng
from ganzoo.batch import Batch, DiscriminatorOutput
from ganzoo.builder import build_modules, resolve_config
from ganzoo.data import Dataset, load
from ganzoo.errors import InputError
from ganzoo.run_data import load_dataset
from ganzoo.training.evaluation import classification_error, load_test_split
from small_runs import small, toy_data


class Brightness(nn.Module):
    """Names the third of the range in which an image's first pixel lies, after one draw of the layers' kind."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, samples: Batch) -> DiscriminatorOutput:
        rng.normal("layer", len(samples), 1)
        third = ((samples.images[:, 0, 0, 0] + 1) * 1.5 * self.scale).long().clamp(0, 2)
        return DiscriminatorOutput(samples.images, class_logits=nn.functional.one_hot(third, 3).float())


def grey(values: list[int], labels: list[int] | None) -> Dataset:
    images = np.array(values, np.uint8).reshape(-1, 1, 1, 1).repeat(4, 2).repeat(4, 3)
    return Dataset.from_tensor(images, labels, ["dark", "grey", "light"] if labels else None)


@pytest.fixture
def discriminator() -> nn.Module:
    return build_modules(
        resolve_config(small("ssgan", networks={"discriminator": {"norm": "batch"}}), toy_data())
    ).discriminator


def test_it_is_the_share_of_wrong_classes_among_the_labelled() -> None:
    #               right wrong right skipped wrong right
    data = grey([0, 130, 128, 250, 10, 255], [0, 0, 1, -1, 2, 2])
    assert classification_error(Brightness(), data) == pytest.approx(2 / 5)
    assert classification_error(Brightness(), data, batch=2) == pytest.approx(2 / 5)


def test_it_agrees_with_one_image_at_a_time(discriminator: nn.Module) -> None:
    data = toy_data()
    discriminator.eval()
    said = [discriminator(data.samples([i])).class_logits.argmax().item() for i in range(len(data))]
    wrong = sum(label != answer for label, answer in zip(data.labels.tolist(), said, strict=True))
    for batch in (7, 40):
        assert classification_error(discriminator.train(), data, batch) == wrong / len(data)


def test_nothing_of_d_is_changed(discriminator: nn.Module) -> None:
    discriminator.train()
    discriminator.heads.eval()
    discriminator(toy_data().samples(range(8))).class_logits.sum().backward()
    state = {name: value.clone() for name, value in discriminator.state_dict().items()}
    gradients = [p.grad.clone() for p in discriminator.parameters()]
    modes = [module.training for module in discriminator.modules()]
    classification_error(discriminator, toy_data())
    assert all(torch.equal(value, state[name]) for name, value in discriminator.state_dict().items())
    assert all(torch.equal(p.grad, old) for p, old in zip(discriminator.parameters(), gradients, strict=True))
    assert [module.training for module in discriminator.modules()] == modes and len(set(modes)) == 2


def test_ds_modes_are_restored_after_an_error(discriminator: nn.Module) -> None:
    with pytest.raises(RuntimeError):
        classification_error(discriminator.train(), toy_data(channels=3))
    assert all(module.training for module in discriminator.modules())


def test_no_random_number_of_anyone_else_is_drawn() -> None:
    data = grey([0, 100, 200], [0, 1, 2])
    before = torch.get_rng_state()
    classification_error(Brightness(), data)
    assert torch.equal(torch.get_rng_state(), before)
    with rng.RngScope(0, "d", 0):
        first = rng.normal("layer", 4)
    with rng.RngScope(0, "d", 0):
        classification_error(Brightness(), data)
        assert torch.equal(rng.normal("layer", 4), first)


def test_data_without_a_label_are_refused() -> None:
    for data in (grey([1, 2], None), grey([1, 2], [-1, -1])):
        with pytest.raises(InputError, match="the test error needs labels, and memory has none"):
            classification_error(Brightness(), data)


def test_a_run_is_the_same_whether_it_was_looked_at_or_not(tmp_path, monkeypatch) -> None:
    config, data = small("ssgan", train={"steps": 3}), toy_data()
    plain = api.train(config, data, tmp_path / "plain")
    step = api.make_trainer.__globals__["Trainer"].train_step

    def watched(trainer):
        step(trainer)
        classification_error(trainer.D, data)

    monkeypatch.setattr(api.make_trainer.__globals__["Trainer"], "train_step", watched)
    looked_at = api.train(config, data, tmp_path / "looked-at")
    name = "state/00000003/state.safetensors"
    assert (looked_at / name).read_bytes() == (plain / name).read_bytes()


def test_the_test_split_is_whole_and_labelled() -> None:
    options = {"data": {"labelled": 20, "labelled_share": 0.2, "max_images": 500, "classes": ["7", "1"]}}
    config = small("ssgan", **options)
    test = load_test_split(resolve_config(config, load_dataset(config)))
    assert (test.split, test.class_names, test.shape) == ("test", ["7", "1"], (1, 32, 32))
    assert test.digest == load("digits", split="test", classes=["7", "1"]).digest
    assert test.unlabelled == 0 and len(test) > 300


def test_other_data_than_the_config_names_have_no_test_split(tmp_path) -> None:
    assert load_test_split(resolve_config(small("ssgan"), toy_data())) is None
    np.savez(tmp_path / "set.npz", images=np.zeros((6, 28, 28), np.uint8), labels=np.arange(6) % 3)
    config = small("ssgan", data={"spec": f"npz:{tmp_path / 'set.npz'}", "labelled": 3})
    assert load_test_split(resolve_config(config, load_dataset(config))) is None
