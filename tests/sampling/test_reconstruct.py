"""Pictures through the encoder and back, and an inversion that starts there."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from ganzoo import api, cli, load
from ganzoo.errors import InputError
from ganzoo.image_io import save_png
from ganzoo.sampling.projection import gray_levels, project, read_picture
from small_runs import small, toy_data


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run with an encoder, one without, and two pictures."""
    here = tmp_path_factory.mktemp("reconstruct")
    for variant in ("vaegan", "nsgan"):
        api.train(small(variant, train={"steps": 2}), toy_data(size=16), here / variant)
    for i in range(2):
        save_png(torch.linspace(-1, 1, 256).roll(64 * i).view(1, 16, 16), here / f"{i}.png")
    return here


def test_the_release_has_the_averaged_encoder_and_the_sampler_uses_its_mean(folder):
    sampler = load(folder / "vaegan")
    saved = load_file(folder / "vaegan/release/generator.safetensors")
    assert sampler.has_encoder and any(name.startswith("encoder.") for name in saved)
    images = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        for p in sampler.generator.parameters():
            p.mul_(3)  # two steps leave the weights small, and all images alike
        mean, _ = sampler.generator.encoder(images).chunk(2, 1)
        expected = sampler.generator(mean)
    torch.testing.assert_close(sampler.encode(images).z, mean)
    torch.testing.assert_close(sampler.reconstruct(images), expected)
    assert load(folder / "vaegan", raw=True).has_encoder and not load(folder / "nsgan").has_encoder


def test_a_model_without_an_encoder_says_so(folder):
    with pytest.raises(InputError, match=r"nsgan has no encoder; 'ganzoo invert' finds a latent without one"):
        load(folder / "nsgan").reconstruct(torch.zeros(1, 1, 16, 16))


def test_an_inversion_starts_from_the_encoder_unless_it_must_not(folder):
    sampler = load(folder / "vaegan")
    picture = sampler.sample(1, seed=5)[0]
    encoded = project(sampler, picture, steps=[])
    assert encoded.encoded and torch.equal(encoded.inputs.z, sampler.encode(picture[None]).z)
    assert encoded.error == pytest.approx(gray_levels(sampler.reconstruct(picture[None])[0], picture), rel=1e-4)
    assert project(sampler, picture, steps=range(20)).error < encoded.error
    random = project(sampler, picture, steps=[], restarts=1, encoder=False)
    assert not random.encoded and torch.equal(random.inputs.z, sampler.inputs([0]).z)
    assert not project(load(folder / "nsgan"), picture, steps=[]).encoded


def run(*words) -> int:
    return cli.run([str(word) for word in words])


def test_the_command_writes_pictures_over_reconstructions(folder, capsys, tmp_path):
    out = tmp_path / "x.png"
    assert run("reconstruct", folder / "0.png", folder / "1.png", folder / "vaegan", "--out", out) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert all(re.search(r"\.png: error [\d.]+ of 255 gray levels", line) for line in (first, second))
    sampler = load(folder / "vaegan")
    pictures = torch.stack([read_picture(folder / f"{i}.png", sampler) for i in range(2)])
    copies = sampler.reconstruct(pictures)
    errors = [float(re.search(r"error ([\d.]+)", line)[1]) for line in (first, second)]
    assert errors == pytest.approx([gray_levels(c, p) for c, p in zip(copies, pictures, strict=True)], abs=0.06)
    shown = np.asarray(Image.open(out), np.float32) / 127.5 - 1
    for row, expected in ((2, pictures), (20, copies)):
        assert np.abs(shown[row : row + 16, 2:18] - expected[0, 0].numpy()).max() < 1 / 127
    assert third == str(out) and Image.open(out).size == (2 * 18 + 2, 2 * 18 + 2)
    assert run("invert", folder / "0.png", folder / "vaegan", "--steps", 1, "--out", out) == 0
    assert "from the encoder" in capsys.readouterr().out
    assert run("invert", folder / "0.png", folder / "vaegan", "--steps", 1, "--out", out, "--no-encoder") == 0
    assert "from seed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["0.png", "nsgan"], "nsgan has no encoder"),
        (["0.png", "vaegan", "--out", "x.gif"], "expected a name that ends in .png"),
        (["0.png", "1.png", "vaegan", "--out", "1.png"], "would overwrite the picture itself"),
        (["2.png", "vaegan"], "cannot read 2.png"),
        (["vaegan"], "Missing argument"),
    ],
)
def test_what_cannot_be_reconstructed_is_refused_in_one_line(folder, words, reason, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    before = (folder / "1.png").read_bytes()
    assert run("reconstruct", *words) == 2
    err = capsys.readouterr().err
    assert reason in err and err.count("\n") == 1
    assert (folder / "1.png").read_bytes() == before and not (folder / "reconstructed.png").exists()
