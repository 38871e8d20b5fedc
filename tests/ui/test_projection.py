"""A picture found again in the latent space."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from PIL import Image

from ganzoo import api, load
from ganzoo.batch import CodeSpec
from ganzoo.errors import InputError
from ganzoo.evaluation import Extractor
from ganzoo.evaluation.extractor import ExtractorOutput
from ganzoo.image_io import save_png
from ganzoo.latent import GeneratorInputs, Latent
from ganzoo.sampling.projection import Distance, initial_latents, project, project_to_prior, read_picture
from small_runs import small


def error(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).square().mean().sqrt()) * 127.5


@pytest.mark.parametrize("variant", ["nsgan", "cgan", "infogan"])
def test_an_image_of_its_own_is_come_nearer_to(runs, variant):
    sampler = load(runs / variant)
    target = sampler.sample(1, seed=99)[0]
    found = project(sampler, target, steps=range(60), restarts=2)
    starts, seeds = initial_latents(sampler, 2, None)
    first = min(error(image, target) for image in sampler.images(starts, seeds))
    assert found.error < 0.6 * first, "and is far nearer than any start"
    assert found.error == pytest.approx(error(found.image, target), rel=1e-4)
    assert torch.allclose(sampler.images(found.inputs, [found.seed])[0], found.image, atol=1e-4), (
        "it can be drawn again"
    )
    assert found.inputs.z.shape == (1, 8)


def test_every_class_or_category_is_tried_unless_one_is_said(runs):
    conditional, coded, plain = (load(runs / variant) for variant in ("cgan", "infogan", "nsgan"))
    starts, seeds = initial_latents(conditional, 2, None)
    assert list(zip(seeds, starts.labels.tolist(), strict=True)) == list(product([0, 1], [0, 1, 2]))
    assert initial_latents(conditional, 2, "1")[0].labels.tolist() == [1, 1]
    starts, seeds = initial_latents(coded, 2, None)
    assert starts.code[:, :10].argmax(1).tolist() == [*range(10)] * 2 and seeds == [0] * 10 + [1] * 10
    assert initial_latents(plain, 3, None)[1] == [0, 1, 2]
    with pytest.raises(InputError, match="was trained without labels"):
        initial_latents(plain, 1, "1")
    with pytest.raises(InputError, match="no class is called '7'"):
        initial_latents(conditional, 1, "7")


def test_latents_stay_where_they_are_drawn():
    long = torch.tensor([[30.0, 40.0], [0.3, -0.4]])
    gaussian, uniform, sphere = (GeneratorInputs(long.clone()) for _ in range(3))
    project_to_prior(gaussian, Latent(2))
    assert gaussian.z[0].norm() == pytest.approx(2**0.5 + 2) and torch.equal(gaussian.z[1], long[1])
    project_to_prior(uniform, Latent(2, "uniform"))
    assert uniform.z.tolist() == [[1.0, 1.0], long[1].tolist()]
    project_to_prior(sphere, Latent(2, "sphere"))
    assert torch.allclose(sphere.z.norm(dim=1), torch.tensor(2**0.5)), "also one that is too short"
    coded = GeneratorInputs(long[1:].clone(), None, torch.tensor([[0.1, 0.8, 3.0]]))
    project_to_prior(coded, Latent(2, code=CodeSpec(2, 1)))
    assert coded.code.tolist() == [[0.0, 1.0, 1.0]]


def test_the_distance_is_that_of_pixels_and_with_an_extractor_of_features():
    picture, images = torch.full((1, 2, 2), 0.5), torch.stack([torch.full((1, 2, 2), 0.5), torch.zeros(1, 2, 2)])
    assert Distance(picture, None)(images).tolist() == [0.0, 0.25]
    means = Extractor("mean", lambda x: ExtractorOutput(2 * x.flatten(1).mean(1, keepdim=True), x[:, 0, 0, :0]), "0", 1)
    images.requires_grad_()
    found = Distance(picture, means)(images)
    assert found.tolist() == [0.0, 1.25], "features 0 and 1, the mean square of the picture's is 1"
    found.sum().backward()
    assert images.grad[1].abs().min() > 0.25, "features have a gradient too"


def test_a_picture_is_brought_to_size_as_the_data_are(runs, tmp_path):
    sampler = load(runs / "nsgan")
    Image.new("RGB", (90, 60), (255, 0, 0)).save(tmp_path / "x.png")
    found = read_picture(tmp_path / "x.png", sampler)
    assert found.shape == (1, 16, 16)
    assert torch.allclose(found, torch.tensor(76 / 127.5 - 1)), "red is 0.299 of white"
    exact = torch.linspace(-1, 1, 256).view(1, 16, 16)
    save_png(exact, tmp_path / "y.png")
    assert (read_picture(tmp_path / "y.png", sampler) - exact).abs().max() < 1 / 255 + 1e-6


def test_what_is_no_picture_is_refused_in_one_line(runs, tmp_path):
    (tmp_path / "x.png").write_bytes(b"none")
    for name, says in (("x.png", "cannot identify"), ("no.png", "No such file")):
        with pytest.raises(InputError, match=f"cannot read .*{name} .*{says}") as caught:
            read_picture(tmp_path / name, load(runs / "nsgan"))
        assert "\n" not in str(caught.value)


def test_an_extractor_without_a_gradient_is_refused():
    rounds = Extractor("coarse", lambda x: ExtractorOutput(x.detach().flatten(1), x.detach().flatten(1)), "0", 1)
    with pytest.raises(InputError, match="--extractor coarse has no gradient with respect to images"):
        Distance(torch.zeros(1, 2, 2), rounds)


def test_only_square_pictures_are_projected(tmp_path):
    config = small("nsgan", train={"steps": 1}, networks={"name": "mlp", "generator": {}, "discriminator": {}})
    sampler = load(api.train(config, torch.zeros(40, 1, 8, 12).uniform_(-1, 1), tmp_path / "run"))
    with pytest.raises(InputError, match="makes images of 8 x 12; only a model of square images"):
        read_picture(tmp_path / "x.png", sampler)
