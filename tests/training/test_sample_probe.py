"""The fixed batches: what is read off them, and that reading changes nothing."""

from __future__ import annotations

import copy
import itertools
import math

import pytest
import torch
from torch import nn

from ganzoo.batch import DiscriminatorOutput
from ganzoo.builder import resolve_config
from ganzoo.data import Dataset
from ganzoo.latent import Latent
from ganzoo.training.failure_rules import diagnose
from ganzoo.training.loop import make_trainer
from ganzoo.training.sample_probe import HISTORY, SampleProbe, probe_indices, spread
from small_runs import small, toy_data


class Scripted(nn.Module):
    """A G whose images are what the test says."""

    def __init__(self, images):
        super().__init__()
        self.images = images

    def forward(self, z, labels=None):
        return self.images


class Flat(nn.Module):
    """A D whose features are the pixels, halved."""

    def forward(self, samples):
        return DiscriminatorOutput(samples.images, features=samples.images.flatten(1) / 2)


def reals(n=32):
    return torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(3)) * 2 - 1


def probe(images, labels=None, classes=0, pack=1):
    dataset = Dataset.from_tensor(images, labels)
    return SampleProbe(dataset, Latent(4, classes=classes), pack, seed=0)


def look(p, images):
    readings = p.measure(Scripted(images), Flat(), lambda samples: samples)
    return {name: value.item() for name, value in readings.items()}


def test_spread_is_the_mean_distance_of_two():
    points = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    assert spread(points).item() == pytest.approx((5 + 1 + 18**0.5) / 3)
    assert spread(points, torch.tensor([0, 1, 0])).item() == pytest.approx(1)
    assert spread(points, torch.tensor([0, 1, 2])).item() == 0


def test_variety_is_relative_to_the_reals():
    images = reals()
    assert look(probe(images), images)["variety/pixels"] == pytest.approx(1)
    assert look(probe(images), images / 4) == pytest.approx({"variety/pixels": 0.25, "variety/features": 0.25})
    assert look(probe(images), images[:1].expand(32, -1, -1, -1))["variety/pixels"] == 0


def test_where_g_knows_classes_only_images_of_one_class_are_compared():
    images, labels = reals(), torch.arange(32) % 8
    p = probe(images, labels, classes=8)
    one_image_a_class = reals(8).repeat_interleave(4, 0)
    assert p.dataset.samples(p.index).labels.tolist() == [c for c in range(8) for _ in range(4)]
    assert look(p, one_image_a_class)["variety/pixels"] == pytest.approx(0, abs=1e-6)
    assert look(probe(images), one_image_a_class)["variety/pixels"] > 0.8


def test_only_classes_with_two_images_can_be_compared_within():
    alone, some = Dataset.from_tensor(reals(20), torch.arange(20)), torch.tensor([0] + [1] * 9 + [2] * 10)
    picked = probe_indices(Dataset.from_tensor(reals(20), some), 16, grouped=True)
    assert set(some[picked].tolist()) == {1, 2} and len(picked) == 16
    assert probe_indices(alone, 10, grouped=True).tolist() == [*range(0, 20, 2)], "else all are"


def test_unrest_is_how_far_images_moved_and_how_near_they_came_back():
    a, b = reals(), reals(64)[32:]
    p = probe(a)
    path = [a, b] * HISTORY  # back at every second log
    readings = [look(p, images) for images in path]
    assert "unrest/lately" not in readings[4] and "unrest/lately" in readings[5]
    assert "unrest/back" not in readings[4] and {"unrest/away", "unrest/back"} <= readings[5].keys()
    assert readings[-1]["unrest/lately"] > 0.8 and readings[-1]["unrest/back"] == 0
    assert readings[-1]["unrest/away"] == readings[-1]["unrest/lately"]
    for _ in range(HISTORY):
        still = look(p, a)
    assert still["unrest/lately"] == still["unrest/away"] == 0


def found(path) -> set[str]:
    """The rules that find something in the log of a run whose G draws these images."""
    p = probe(reals())
    records = [{"step": 20 * i, "terms": look(p, images)} for i, images in enumerate(path)]
    return {finding.rule for finding in diagnose(records, ["oscillates"])}


@pytest.mark.parametrize("period", range(2, HISTORY))
def test_a_cycle_of_every_period_that_is_remembered_is_seen(period):
    circle = [2 * math.pi * i / period for i in range(45)]
    a, b, noise = reals(), reals(64)[32:], torch.Generator().manual_seed(1)
    path = [a * math.sin(t) + b * math.cos(t) for t in circle]
    assert found(path) == {"oscillates"}
    assert found([images + 0.2 * torch.randn(a.shape, generator=noise) for images in path]) == {"oscillates"}


@pytest.mark.parametrize(
    "position",
    [lambda i: 0.1 * i, lambda i: 3 * 0.9**i, lambda i: i**0.5, lambda i: 0.2 * math.sin(i)],
    ids=["drift", "settling", "slowing", "small"],
)
def test_images_that_move_on_do_not_come_back(position):
    a, noise = reals(), torch.Generator().manual_seed(1)
    still = [a * position(i) for i in range(45)]
    assert found(still) == set()
    assert found([images + 0.2 * torch.randn(a.shape, generator=noise) for images in still]) == set()


def test_images_at_random_and_walking_at_random_do_not_come_back():
    g = torch.Generator().manual_seed(1)
    jumps = [torch.randn(32, 1, 8, 8, generator=g) for _ in range(70)]
    assert found(jumps) == set()
    assert found(list(itertools.accumulate(jumps))) == set()


def test_looking_changes_nothing():
    data = toy_data()
    trainer = make_trainer(resolve_config(small("acgan", tricks={"instance_noise": True}), data), data)
    trainer.train_step()
    before = copy.deepcopy({k: v for k, v in trainer.modules().items() if k != "probe"})
    position = trainer.batches.position
    torch.manual_seed(5)
    first = trainer.probe.measure(trainer.G, trainer.D, trainer.view)
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3)) and trainer.batches.position == position
    for name, module in before.items():
        now = trainer.modules()[name].state_dict()
        assert all(torch.equal(value, now[key]) for key, value in module.state_dict().items()), name
    again = trainer.probe.measure(trainer.G, trainer.D, trainer.view)
    assert all(torch.equal(first[name], again[name]) for name in ("variety/pixels", "variety/features"))
    assert all(module.training for net in (trainer.G, trainer.D) for module in net.modules())


@pytest.mark.parametrize("pack", [2, 3])
def test_a_pack_is_looked_at_as_a_whole(pack):
    data = toy_data()
    config = small("nsgan", tricks={"packing": {"m": pack}}, train={"batch_size": 2 * pack})
    trainer = make_trainer(resolve_config(config, data), data)
    readings = trainer.probe.measure(trainer.G, trainer.D, trainer.view)
    assert readings["variety/features"].isfinite() and len(trainer.probe.index) % pack == 0


def test_few_images_and_points_do():
    assert look(probe(reals(3)), reals())["variety/pixels"] > 0
    assert probe(torch.randn(50, 2, 1, 1)).past.shape[2:] == (2, 1, 1)
    assert look(probe(reals(1)), reals()) == {"variety/pixels": 1, "variety/features": 1}


def test_reals_that_are_all_one_picture_give_finite_readings():
    p = probe(reals(1))
    for _ in range(HISTORY):
        readings = look(p, reals())
    variety, unrest = ("variety/pixels", "variety/features"), ("unrest/lately", "unrest/away", "unrest/back")
    assert readings == dict.fromkeys((*variety, *unrest), 1)


class ByBrightness(nn.Module):
    """A D whose score is the mean pixel, times `sign`."""

    def __init__(self, sign=1):
        super().__init__()
        self.sign = sign

    def forward(self, samples):
        score = self.sign * samples.images.flatten(1).mean(1)
        return DiscriminatorOutput(samples.images, features=samples.images.flatten(1), score=score)


def held_out_share(train, held, sign=1, pack=1, view=lambda samples: samples):
    p = probe(train, pack=pack)
    p.hold_out(None if held is None else Dataset.from_tensor(held), sign)
    readings = p.measure(Scripted(train[:32]), ByBrightness(sign), view)
    return readings["score/held_out"].item() if "score/held_out" in readings else None


@pytest.mark.parametrize("sign", [1, -1])
def test_training_reals_scored_above_held_out_ones_are_counted_in_pairs(sign):
    dark = reals(100) / 4
    assert held_out_share(dark + 0.2, dark, sign) == 1 and held_out_share(dark, dark + 0.2, sign) == 0
    assert held_out_share(dark, dark, sign) == 0.5 == held_out_share(dark * 0 - 0.5, dark[:1] * 0 - 0.5, sign)
    means = [t.flatten(1).mean(1) for t in (reals(64), reals(128)[64:])]
    share = held_out_share(reals(64), reals(128)[64:], sign)
    assert share == pytest.approx((means[0][:, None] > means[1]).float().mean().item())


def test_without_held_out_reals_or_with_fewer_than_a_pack_there_is_no_reading():
    assert held_out_share(reals(64), None) is None
    assert held_out_share(reals(64), reals(3), pack=4, view=lambda samples: samples.pack(4)) is None
    packed = held_out_share(reals(64) / 4 + 0.2, reals(64) / 4, pack=4, view=lambda samples: samples.pack(4))
    assert packed == 1


def test_held_out_reals_change_no_other_reading_and_no_state():
    def run(held):
        data = toy_data(60)
        trainer = make_trainer(resolve_config(small("nsgan", tricks={"augment": {}}), data), data)
        trainer.probe.hold_out(held, 1)
        found = []
        for _ in range(3):
            trainer.train_step()
            found.append({k: v.item() for k, v in trainer.probe.measure(trainer.G, trainer.D, trainer.view).items()})
        return found, {name: value.clone() for name, value in trainer.D.state_dict().items()}

    (without, weights), (with_held, same) = run(None), run(toy_data(70))
    assert all(0 <= record.pop("score/held_out") <= 1 for record in with_held)
    assert with_held == without and all(torch.equal(weights[name], same[name]) for name in weights)
