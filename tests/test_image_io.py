"""Tensors -> files that a person opens."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from ganzoo import image_io
from ganzoo.errors import InputError


def test_grey_levels_are_rounded_and_clipped():
    values = torch.tensor([-2.0, -1.0, 0.0, 0.003, 1.0, 7.0])
    assert image_io.to_uint8(values).tolist() == [0, 0, 128, 128, 255, 255]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_has_its_images_row_by_row_with_white_between(channels, tmp_path):
    images = torch.linspace(-1, 0.5, 5).view(5, 1, 1, 1).expand(5, channels, 4, 4)
    image_io.save_png(image_io.grid(images, 3)[0], tmp_path / "grid.png")
    pixels = np.asarray(Image.open(tmp_path / "grid.png"))
    assert pixels.shape == ((14, 20) if channels == 1 else (14, 20, 3))
    corners = [pixels[2 + 6 * (i // 3), 2 + 6 * (i % 3)].max() for i in range(6)]
    assert corners == [0, 48, 96, 143, 191, 255], "the empty place is white"
    assert (pixels[:2] == 255).all() and (pixels[:, 6:8] == 255).all()


def test_an_enlarged_picture_has_each_pixel_as_a_square(tmp_path):
    image = torch.linspace(-1, 1, 6).view(1, 2, 3)
    for name, scale in (("one.png", 1), ("three.png", 3)):
        image_io.save_png(image, tmp_path / name, scale)
    one, three = (np.asarray(Image.open(tmp_path / name)) for name in ("one.png", "three.png"))
    assert (three == one.repeat(3, 0).repeat(3, 1)).all()
    image_io.save_gif(image[None].repeat(2, 1, 1, 1), tmp_path / "x.gif", 3)
    assert (np.asarray(Image.open(tmp_path / "x.gif").convert("L")) == three).all()


def test_a_picture_too_large_for_memory_is_refused():
    with pytest.raises(
        InputError, match=r"--scale 64 would make 4,294,967,296 pixels, more than the limit of .* lower"
    ):
        image_io.to_pil(torch.zeros(1, 1024, 1024), 64)
    frame = Image.new("L", (1024, 1024))
    with pytest.raises(InputError, match=r"--scale 2 would make 268,435,456,000 pixels"):
        image_io.enlarge(frame, 2, frames=64_000)


def test_a_film_is_endless_and_whole(tmp_path):
    frames = torch.linspace(-1, 1, 4).view(4, 1, 1, 1).expand(4, 3, 8, 8)
    image_io.save_gif(frames, tmp_path / "x.gif")
    film = Image.open(tmp_path / "x.gif")
    assert film.n_frames == 4 and film.info["loop"] == 0


def test_points_are_drawn_where_they_lie():
    picture = image_io.draw_sheet(torch.tensor([[1.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]).view(3, 2, 1, 1), 8)
    assert picture.shape == (1, 256, 256)
    assert sorted((picture[0] < 0).nonzero().tolist()) == [[0, 255], [128, 0], [255, 128]], "up is up, right is right"


def test_the_truth_is_drawn_in_grey_and_alone_fixes_the_axes():
    truth = image_io.Circles(torch.tensor([[2.0, 0.0], [-2.0, 0.0]]), 0.5)
    empty, far = (
        image_io.draw_scatter(points, truth)[0]
        for points in (torch.empty(0, 2), torch.tensor([[99.0, 0.0], [0.0, 1.0]]))
    )
    assert sorted((far < 0).nonzero().tolist()) == [[76, 128], [128, 255]], "1 of 2.5 up; far to the right at the edge"
    assert torch.equal((far >= 0) & (far < 1), (empty < 1) & (far >= 0)), "the circles are where they were"
    rows, columns = (empty < 1).nonzero().unbind(1)
    scale = 255 / 5  # from -2.5 to 2.5
    assert columns.max() == round(127.5 + 2.5 * scale) and columns.min() == 0
    left = columns < 128
    away = torch.hypot(columns[left] - (127.5 - 2 * scale), rows[left] - 127.5)
    assert (away - 0.5 * scale).abs().max() < 0.51


def test_a_small_circle_is_large_enough_to_be_seen():
    dots = image_io.draw_scatter(torch.empty(0, 2), image_io.Circles(torch.tensor([[1.0, 1.0]]), 1e-6))
    assert (dots < 1).sum() > 8
