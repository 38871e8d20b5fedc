"""`data.crop` of a run holds for everything that is compared with its images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganzoo import api
from ganzoo.builder import resolve_config
from ganzoo.data import load
from ganzoo.errors import InputError
from ganzoo.evaluation.real_data import load_real_splits
from ganzoo.run_data import load_dataset
from ganzoo.sampling import load as load_sampler
from ganzoo.sampling.projection import read_picture
from ganzoo.training.evaluation import load_test_split
from ganzoo.training.run_dir import RunDir
from small_runs import small


@pytest.fixture
def wide(tmp_path: Path) -> str:
    """A spec of images twice as wide as high, in two classes and two splits."""
    values = np.random.default_rng(0).integers(0, 256, (8, 20, 40, 3), np.uint8)
    for number, image in enumerate(values):
        path = tmp_path / "wide" / ("train", "test")[number % 2] / f"{number // 4}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return f"folder:{tmp_path / 'wide'}"


def test_the_splits_of_an_evaluation_are_cropped_as_the_training_was(wide):
    config = small("nsgan", data={"spec": wide, "size": 32, "crop": "pad"})
    config = resolve_config(config, load_dataset(config))
    padded, cropped = (load(wide, size=32, crop=crop, split="test") for crop in ("pad", "center"))
    real = load_real_splits(config, wide)
    assert real.own and real.test.digest == load_test_split(config).digest == padded.digest != cropped.digest


def test_a_picture_to_invert_is_cropped_as_the_training_was(wide, tmp_path):
    config = small("nsgan", data={"spec": wide, "size": 32, "crop": "pad"}, train={"steps": 1})
    sampler = load_sampler(str(api.train(config, out=tmp_path / "run")))
    picture = read_picture(tmp_path / "wide/train/0/0.png", sampler)
    assert picture.equal(load(wide, size=32, crop="pad").samples([0]).images[0])


def test_a_run_of_an_earlier_version_resumes_and_another_crop_is_refused(wide, tmp_path):
    run = api.train(small("nsgan", data={"spec": wide, "size": 32}, train={"steps": 1}), out=tmp_path / "run")
    path = run / "config.json"
    assert path.read_text().count('"crop": "center",') == 1
    path.write_text(path.read_text().replace('"crop": "center",', ""))
    api.resume(run, steps=2)
    assert RunDir(run).config().data.crop == "center"
    with pytest.raises(InputError, match=r"data\.crop"):
        api.resume(run, {"data": {"crop": "pad"}}, steps=3)


def test_the_network_sees_the_borders(wide):
    images = load(wide, size=32, crop="pad").samples(np.arange(4)).images
    assert torch.equal(images[:, :, 0], images[:, :, 7]) and not torch.equal(images[:, :, 7], images[:, :, 9])
