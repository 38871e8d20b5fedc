"""The Laplacian pyramid, and the players that have a level each."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ganzoo.batch import Batch
from ganzoo.builder import build_modules, resolve_config
from ganzoo.config.schema import ResolvedConfig
from ganzoo.config.tables import merge
from ganzoo.networks.discriminator import LabelPlane
from ganzoo.networks.initialization import initialize
from ganzoo.networks.laplacian import Refiner
from ganzoo.pyramid import Pyramid, down, up
from small_runs import small, toy_data

LABELS = {"generator": {"condition": "concat"}, "discriminator": {"condition": "channels"}}


def images(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def resolved(size: int = 16, **networks) -> ResolvedConfig:
    return resolve_config(small("lapgan", networks=networks), toy_data(size=size))


def test_d_is_the_mean_of_four_pixels_and_u_draws_straight_lines_between_centers():
    x = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]]]])
    assert down(x).item() == 4.0
    row = torch.tensor([[[[0.0, 4.0]]]]).expand(1, 1, 2, 2)
    assert up(row)[0, 0, 0].tolist() == [0.0, 1.0, 3.0, 4.0]


def test_d_keeps_the_mean_and_both_keep_a_constant():
    x = images(2, 3, 16, 16)
    torch.testing.assert_close(down(x).mean((2, 3)), x.mean((2, 3)))
    flat = torch.full((1, 1, 4, 4), 0.3)
    torch.testing.assert_close(up(flat), torch.full((1, 1, 8, 8), 0.3))
    torch.testing.assert_close(down(flat), torch.full((1, 1, 2, 2), 0.3))


@pytest.mark.parametrize(("size", "levels"), [(32, 1), (28, 3), (32, 4)])
def test_the_inverse_of_a_pyramid_is_exact(size, levels):
    pyramid, x = Pyramid((3, size, size), levels), images(4, 3, size, size)
    found = pyramid.coefficients(x)
    assert [tuple(h.shape[1:]) for h in found] == pyramid.shapes
    torch.testing.assert_close(pyramid.reconstruct(found), x, atol=3e-7, rtol=0)


def test_the_flat_form_holds_every_level_and_its_low_pass_image():
    pyramid, x = Pyramid((3, 8, 8), 3), images(2, 3, 8, 8)
    flat = pyramid.of_images(x)
    assert flat.shape == (2, 3 * (64 * 2 + 16 * 2 + 4), 1, 1) and torch.equal(pyramid.of_images(flat), flat)
    levels, low_pass = pyramid.unpack(flat)
    assert all(map(torch.equal, levels, (x, down(x), down(down(x)))))
    assert all(map(torch.equal, low_pass, (up(down(x)), up(down(down(x))))))
    other = images(2, 3, 4, 4, seed=1)
    changed, same = pyramid.unpack(pyramid.with_level(flat, 1, other))
    assert torch.equal(changed[1], other) and torch.equal(changed[0], x) and torch.equal(changed[2], levels[2])
    assert all(map(torch.equal, same, low_pass))


def test_a_refiner_with_one_layer_is_a_convolution_of_low_pass_image_and_noise():
    refiner = Refiner((1, 4, 4), depth=1, kernel=3)
    initialize(refiner, "he", 0, "refiner")
    low, z = images(2, 1, 4, 4), images(2, 16, seed=1)
    conv = refiner.layers.output
    expected = F.conv2d(torch.cat([low, z.view(2, 1, 4, 4)], 1), conv.weight, conv.bias, padding=1)
    torch.testing.assert_close(refiner(low, z), expected)


def test_a_label_plane_is_a_linear_layer_on_the_one_hot_label():
    plane, labels = LabelPlane(3, (1, 2, 5)), torch.tensor([2, 0])
    expected = F.linear(F.one_hot(labels, 3).float(), plane.linear.weight, plane.linear.bias).relu()
    torch.testing.assert_close(plane(labels), expected.view(2, 1, 2, 5))
    with pytest.raises(ValueError, match="needs labels"):
        plane(None)


def test_sampling_climbs_from_its_own_images_and_training_fakes_start_from_reals():
    game = build_modules(resolved(pyramid=[{"generator": {"width": 4}}] * 2))
    G, pyramid = game.generator.eval(), game.generator.pyramid
    z, x = game.latent.draw(3).z, images(3, 1, 16, 16)
    assert z.shape == (3, 8 + 256 + 64) and game.latent.size == 328
    fine, middle, coarse = z.split([256, 64, 8], 1)
    low = up(G.coarsest(coarse))
    image = low + G.refiners[1](low, middle)
    image = up(image) + G.refiners[0](up(image), fine)
    torch.testing.assert_close(G(z), image.clamp(-1, 1))
    fakes, low_pass = pyramid.unpack(G.fakes(z, None, G.reals(x)))
    assert all(map(torch.equal, low_pass, (up(down(x)), up(down(down(x))))))
    torch.testing.assert_close(fakes[0], up(down(x)) + G.refiners[0](up(down(x)), fine))
    torch.testing.assert_close(fakes[1], low_pass[1] + G.refiners[1](low_pass[1], middle))
    torch.testing.assert_close(fakes[2], G.coarsest(coarse))


def test_noise_is_on_the_low_pass_images_of_its_level_alone():
    levels = [{"noise": 0.5, "generator": {"width": 4}}, {"generator": {"width": 4}}]
    game, x = build_modules(resolved(pyramid=levels)), images(40, 1, 16, 16)
    reals, low_pass = game.generator.pyramid.unpack(game.generator.reals(x))
    assert torch.equal(reals[0], x) and torch.equal(low_pass[1], up(down(down(x))))
    assert (low_pass[0] - up(down(x))).std().item() == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("low_pass", [False, True])
def test_each_level_of_d_judges_the_sum_and_if_asked_the_low_pass_image(low_pass):
    levels = [{"low_pass": low_pass, "discriminator": {"width": 4}}, {"discriminator": {"width": 4}}]
    D, x = build_modules(resolved(pyramid=levels)).discriminator, images(3, 1, 16, 16)
    seen = torch.cat([x, up(down(x))], 1) if low_pass else x
    judged = D(Batch(x))
    expected = [D.levels[0](Batch(seen)), D.levels[1](Batch(down(x))), D.levels[2](Batch(down(down(x))))]
    torch.testing.assert_close(judged.score, torch.stack([each.score for each in expected], 1))
    torch.testing.assert_close(judged.features, torch.cat([each.features for each in expected], 1))
    torch.testing.assert_close(D(Batch(D.pyramid.of_images(x))).score, judged.score)


def test_labels_reach_both_players_of_every_level():
    config = resolved(**LABELS)
    assert [level.generator["condition"] for level in config.networks.pyramid] == ["plane", "plane"]
    assert [level.discriminator["condition"] for level in config.networks.pyramid] == ["plane", "plane"]
    game = build_modules(config)
    z, labels = game.latent.draw(2, torch.tensor([0, 1])).z, torch.tensor([0, 1])
    G, D = game.generator.eval(), game.discriminator.eval()
    flat = G.reals(images(2, 1, 16, 16))
    for mine, other in zip(
        G.pyramid.unpack(G.fakes(z, labels, flat))[0], G.pyramid.unpack(G.fakes(z, 1 - labels, flat))[0], strict=True
    ):
        assert not torch.equal(mine, other)
    assert (D(Batch(flat, labels)).score != D(Batch(flat, 1 - labels)).score).all()


def test_virtual_batch_norm_refers_each_level_to_its_images():
    config = resolved(**merge({"discriminator": {"norm": "virtual"}}, {}))
    D = build_modules(config).discriminator
    samples = Batch(D.pyramid.of_images(images(64, 1, 16, 16)))
    D.refer_to(samples)
    assert torch.equal(D.reference, down(down(images(64, 1, 16, 16))))
    assert isinstance(D.levels, nn.ModuleList) and D.levels[0].reference is None
