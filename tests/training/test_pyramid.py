"""Training of a pyramid: one loss a level, levels that do not touch each other, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from PIL import Image
from torch.nn.functional import softplus

from ganzoo import api, cli
from ganzoo.batch import Batch, DiscriminatorOutput
from ganzoo.builder import make_loss, resolve_config
from ganzoo.config.tables import merge
from ganzoo.data import load as load_data
from ganzoo.errors import InputError
from ganzoo.image_io import GAP
from ganzoo.losses import LOSSES
from ganzoo.losses.pyramid import PyramidLoss
from ganzoo.pyramid import Pyramid
from ganzoo.release.export import export
from ganzoo.rng import RngScope
from ganzoo.sampling import load
from ganzoo.training.loop import make_trainer
from ganzoo.training.trainer import Trainer
from small_runs import small, toy_data

SMALL_LEVEL = {"generator": {"width": 4}, "discriminator": {"width": 4, "norm": "none"}}
PYRAMID = Pyramid((1, 8, 8), 3)


def levels(*losses: dict) -> dict:
    """Tables of a pyramid with a loss at each finer level."""
    return {"networks": {"pyramid": [SMALL_LEVEL | {"loss": loss} for loss in losses]}}


def judged(*columns: list[float]) -> DiscriminatorOutput:
    """Random images in flat form with one column of scores a level."""
    scores = torch.tensor(columns, dtype=torch.float64).T
    images = torch.rand(len(scores), 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return DiscriminatorOutput(PYRAMID.of_images(images), score=scores)


def test_each_level_has_the_terms_of_its_loss():
    loss = PyramidLoss([LOSSES["nsgan"](), LOSSES["hinge"](), LOSSES["rpgan"]()], PYRAMID)
    real, fake = judged([0.5, -1.0], [0.2, 2.0], [1.0, 3.0]), judged([-0.3, 0.4], [-2.0, 0.5], [0.0, -1.0])
    x, g = real.score.T, fake.score.T
    d, given = loss.d_loss(real, fake), loss.g_loss(real, fake)
    expected = {
        "real_8": softplus(-x[0]).mean(),
        "fake_8": softplus(g[0]).mean(),
        "real_4": (1 - x[1]).relu().mean(),
        "fake_4": (1 + g[1]).relu().mean(),
        "pair_2": softplus(g[2] - x[2]).mean(),
    }
    torch.testing.assert_close(d, expected)
    torch.testing.assert_close(
        given, {"adv_8": softplus(-g[0]).mean(), "adv_4": -g[1].mean(), "pair_2": softplus(x[2] - g[2]).mean()}
    )
    assert loss.real_signs(real, fake).tolist() == [[1, 1, 1], [-1, 1, 1]]  # the pair's border: 0.75, the middle
    assert loss.g_uses_real and not loss.couples_samples and not loss.per_sample_gradients
    assert loss.d_loss_bounds == pytest.approx(
        tuple(sum(values) for values in zip(*(each.d_loss_bounds for each in loss.levels), strict=True))
    )
    assert PyramidLoss([LOSSES["coulomb"](), LOSSES["nsgan"]()], Pyramid((1, 8, 8), 2)).couples_samples
    assert "d-has-won" in loss.watch
    assert "d-has-won" not in PyramidLoss([LOSSES["nsgan"](), LOSSES["wgan"]()], Pyramid((1, 8, 8), 2)).watch


def test_losses_that_disagree_on_the_sign_of_a_score_are_refused():
    with pytest.raises(InputError, match="set the same real_label at each level"):
        PyramidLoss([LOSSES["nsgan"](), LOSSES["nsgan"](real_label=0)], Pyramid((1, 8, 8), 2))


def test_a_penalty_takes_the_slope_of_its_level_alone():
    """D_k(x) = k |x_k|^2 / 2, whose gradient at x_k is k x_k."""

    def judge(samples: Batch) -> DiscriminatorOutput:
        parts = PYRAMID.unpack(samples.images)[0]
        score = torch.stack([k * part.flatten(1).square().sum(1) / 2 for k, part in enumerate(parts, 1)], 1)
        return DiscriminatorOutput(samples.images, score=score)

    loss = PyramidLoss([LOSSES["nsgan"](), LOSSES["wgan-gp"](weight=3.0), LOSSES["wgan-gp"]()], PYRAMID)
    real, fake = judged([0.0] * 5), judged([0.0] * 5)
    terms = loss.penalty(judge, real, fake)
    _, middle, coarsest = PYRAMID.unpack(real.images)[0]
    assert terms.keys() == {"gp_4", "gp_2"}
    torch.testing.assert_close(terms["gp_4"], 3 * (2 * middle.flatten(1).norm(dim=1) - 1).square().mean())
    torch.testing.assert_close(terms["gp_2"], 10 * (3 * coarsest.flatten(1).norm(dim=1) - 1).square().mean())


def test_a_penalty_sees_the_record_of_its_level_alone():
    class Height(LOSSES["nsgan"]):
        def penalty(self, judge, real, fake):
            seen = judge(fake)
            assert seen.images.shape == real.images.shape == fake.images.shape and seen.score.shape == (2,)
            return {"height": seen.score.mean() * real.images.shape[2]}

    loss = PyramidLoss([Height(), Height(), Height()], PYRAMID)
    real = judged([1.0, 3.0], [5.0, 7.0], [0.0, 1.0])
    terms = loss.penalty(lambda samples: replace(real, images=samples.images), real, real)
    assert {name: term.item() for name, term in terms.items()} == {"height_8": 16.0, "height_4": 24.0, "height_2": 1.0}


def pyramid_trainer(tables: dict) -> Trainer:
    data = toy_data(size=16)
    return make_trainer(resolve_config(small("lapgan", **merge({"train": {"batch_size": 8}}, tables)), data), data)


def touched(player: torch.nn.Module) -> set[str]:
    """The levels of a player, `levels.0` or `refiners.1`, that have a gradient."""
    found = {name for name, p in player.named_parameters() if p.grad is not None and p.grad.any()}
    return {".".join(name.split(".")[: 1 if name.startswith("coarsest") else 2]) for name in found}


@pytest.mark.parametrize("height", [16, 8, 4])
def test_no_gradient_crosses_a_level(height):
    k = [16, 8, 4].index(height)
    t = pyramid_trainer(levels({"name": "wgan-gp"}, {"name": "rpgan"}))
    with RngScope(0, "step", 0):
        real = t.reals(8)
        fake = t.fakes(t.G, 8, real)
        of_d = t.terms_of_d(t.judge(t.D, real), t.judge(t.D, Batch(fake.images.detach())))
        of_d = of_d | t.loss.penalty(t.judge_slope, real, Batch(fake.images.detach()))
        torch.stack([term for name, term in of_d.items() if name.endswith(f"_{height}")]).sum().backward()
        assert touched(t.D) == {f"levels.{k}"} and touched(t.G) == set()
        of_g = t.loss.g_loss(t.judge(t.D, real).detach(), t.judge(t.D, fake))
        of_g[next(name for name in of_g if name.endswith(f"_{height}"))].backward()
    assert touched(t.G) == {"coarsest" if height == 4 else f"refiners.{k}"}


def test_a_step_moves_every_level_of_both_players():
    t = pyramid_trainer(levels({}, {}))
    before = {name: p.detach().clone() for player in (t.G, t.D) for name, p in player.named_parameters()}
    t.train_step()
    still = [n for player in (t.G, t.D) for n, p in player.named_parameters() if torch.equal(p, before[n])]
    assert not still and t.batches.position == 16 and t.images == 8


@pytest.mark.parametrize(
    "name", [name for name, loss in LOSSES.items() if loss.heads == ("score",) and not loss.encodes]
)
def test_any_loss_with_a_score_trains_at_any_level(name):
    own = {"name": name}
    for tables in (levels(own, {"name": "nsgan"}), merge(levels({"name": "lsgan"}, {}), {"loss": own})):
        t = pyramid_trainer(tables)
        t.train_step()
        assert t.is_finite() and len({name.rpartition("_")[2] for name in t.d_terms}) == 3


def test_wgan_clips_the_weights_of_its_level_alone():
    t = pyramid_trainer(levels({"name": "wgan"}, {}))
    t.train_step()
    largest = [max(p.abs().max().item() for p in level.parameters()) for level in t.D.levels]
    assert largest[0] <= 0.0100001 and min(largest[1:]) > 0.05


PAC = {"tricks": {"packing": True}}
REFUSED = {
    "size": (levels({}, {}), {}, 18, "a pyramid of 3 levels needs an image size divisible by 4, not 18"),
    "loss": (levels({"name": "began"}, {}), {}, 16, "loss began needs more than D's score"),
    "coarsest loss": (levels({}, {}), {"loss": {"name": "infogan"}}, 16, "loss infogan needs more than D's score"),
    "gradient penalty": (
        levels({}, {}),
        {"tricks": {"gp": True}},
        16,
        "trick gp needs one image and one score",
    ),
    "augmentation": (
        levels({}, {}),
        {"tricks": {"augment": True}},
        16,
        "trick augment needs one image and one score",
    ),
    "lecam": (levels({}, {}), {"tricks": {"lecam": True}}, 16, "trick lecam needs one image and one score"),
    "entropy": (
        levels({}, {}),
        {"tricks": {"output_entropy": True}},
        16,
        "trick output_entropy needs one image and one score",
    ),
    "packing": (levels({}, {}), PAC, 16, "trick packing needs one image and one score"),
    "norm": (
        {"networks": {"pyramid": [{"loss": {"name": "wgan-gp"}, "discriminator": {"norm": "batch"}}]}},
        {},
        16,
        r"set networks.pyramid\[0\].discriminator.norm='layer' or 'none'",
    ),
    "maps": (
        {"networks": {"pyramid": [{"discriminator": {"name": "mlp", "norm": "instance"}}]}},
        {},
        16,
        r"instance norm needs maps, but mlp has vectors; set networks.pyramid\[0\].discriminator.norm",
    ),
    "backbone": (
        {"networks": {"pyramid": [{"discriminator": {"name": 3}}]}},
        {},
        16,
        r"networks.pyramid\[0\].discriminator.name: expected the name of a discriminator",
    ),
    "labels": (
        {"networks": {"pyramid": [{"generator": {"condition": "none"}}]}},
        {"networks": {"generator": {"condition": "concat"}, "discriminator": {"condition": "channels"}}},
        16,
        r"networks.pyramid\[0\].generator.condition: all levels of a pyramid take labels or none does",
    ),
    "option": (
        {"networks": {"pyramid": [{"generator": {"widht": 4}}]}},
        {},
        16,
        r"networks.pyramid\[0\].generator.widht.*width",
    ),
    "parts": (levels({"name": "coulomb"}, {}), {"train": {"gradient_accumulation": 2}}, 16, "loss coulomb compares"),
    "virtual": (
        {"networks": {"pyramid": [{"generator": {"norm": "virtual"}}]}},
        {},
        16,
        "has no reference at the finer levels",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_pyramid_cannot_do_is_refused(case):
    tables, more, size, reason = REFUSED[case]
    data = toy_data(size=size)
    with pytest.raises(InputError, match=reason):
        make_trainer(resolve_config(small("lapgan", **merge(tables, more)), data), data)


def test_points_have_no_pyramid():
    config = small("lapgan", networks={"init": None}, data={"spec": "ring"})
    with pytest.raises(InputError, match=r"networks\.pyramid is for images, but the data are points"):
        resolve_config(config, load_data("ring", quiet=True))


@pytest.fixture(scope="module")
def sampler(tmp_path_factory):
    """A conditional pyramid after two steps."""
    tables = {"networks": {"generator": {"condition": "concat"}, "discriminator": {"condition": "channels"}}}
    config = small("lapgan", **merge(tables, {"train": {"steps": 2}}))
    return load(api.train(config, toy_data(size=16), tmp_path_factory.mktemp("pyramid") / "run"))


def test_one_seed_is_one_image_of_every_batch_size_and_class(sampler):
    several = sampler.sample(seeds=[5, 3, 9], classes=[1], batch=3)
    assert several.shape == (3, 1, 16, 16)
    torch.testing.assert_close(
        sampler.sample(seeds=[3, 9, 5], classes=[1], batch=1)[[2, 0, 1]], several, atol=1e-5, rtol=0
    )
    assert not torch.equal(sampler.sample(seeds=[5], classes=[2]), several[:1])


def test_levels_show_an_image_from_the_coarsest_to_the_image_itself(sampler):
    rows = sampler.build_up([4, 8], classes=[0]).view(2, 3, 1, 16, 16)
    torch.testing.assert_close(rows[:, 2], sampler.sample(seeds=[4, 8], classes=[0]), atol=1e-5, rtol=0)
    for column, size in enumerate((4, 8)):
        small_images = rows[:, column, :, :: 16 // size, :: 16 // size]
        assert torch.equal(
            small_images.repeat_interleave(16 // size, 2).repeat_interleave(16 // size, 3), rows[:, column]
        )
    assert sampler.levels == 3


def test_the_picture_of_levels_has_a_row_for_each_image(sampler, tmp_path, monkeypatch):
    monkeypatch.setattr("ganzoo.cli.sample.load", lambda *_: sampler)
    assert cli.run(["sample", "x", "--levels", "-n", "5", "--out", str(tmp_path / "x.png")]) == 0
    width, height = Image.open(tmp_path / "x.png").size
    assert (width, height) == (3 * 16 + 4 * GAP, 5 * 16 + 6 * GAP)


def test_a_pyramid_is_exported_as_one_generator(sampler, tmp_path):
    assert export(sampler, tmp_path / "x.pt2", "pt2") < 1e-4


def test_a_pyramid_of_one_level_is_the_ordinary_gan():
    config = resolve_config(small("lapgan", networks={"pyramid": []}), toy_data(size=16))
    assert not isinstance(make_loss(config), PyramidLoss)
