from __future__ import annotations

import os
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganzoo.data.transform import MAX_PIXELS, Transform


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def stored(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def colour(picture: Image.Image | bytes, channels: int = 3) -> list[int]:
    """The one colour of a picture."""
    pixels = Transform(4, channels)(picture)
    assert (pixels == pixels[:, :1, :1]).all()
    return pixels[:, 0, 0].tolist()


def test_bytes_of_the_right_shape_come_out():
    for channels in (1, 3):
        pixels = Transform(16, channels)(Image.new("RGB", (40, 30)))
        assert (pixels.shape, pixels.dtype) == (Transform(16, channels).shape, np.uint8)
        assert pixels.shape == (channels, 16, 16)


def test_pictures_of_the_right_size_are_untouched():
    array = noise(8, 8, 3)
    assert np.array_equal(Transform(8, 3)(array), array.transpose(2, 0, 1))
    assert np.array_equal(Transform(8, 1)(array[..., 0]), array[None, ..., 0])


@pytest.mark.parametrize("shape", [(48, 96), (96, 48), (64, 51)])
def test_the_shorter_side_is_resized_and_the_middle_kept(shape):
    smooth = Image.fromarray(noise(6, 6, 3)).resize(shape, Image.Resampling.BICUBIC)
    width, height = (round(side * 16 / min(shape)) for side in shape)
    resized = smooth.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - 16) // 2, (height - 16) // 2
    expected = np.asarray(resized.crop((left, top, left + 16, top + 16)), float).transpose(2, 0, 1)
    assert np.abs(Transform(16, 3)(smooth) - expected).mean() < 4


def test_what_lies_outside_the_middle_square_is_gone():
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, :10], wide[:, 20:] = 255, 255
    assert Transform(10, 3)(wide).max() == 0


@pytest.mark.parametrize(("height", "width"), [(20, 40), (40, 20), (7, 30), (1, 90)])
@pytest.mark.parametrize("channels", [1, 3])
def test_pad_keeps_the_whole_image_between_borders_of_its_edge(height, width, channels):
    image = np.full((height, width, 3), 200, np.uint8)
    image[:, :, 1:] = image[:, :, 1:] * (channels == 1)
    pixels = Transform(16, channels, crop="pad")(image)
    assert pixels.shape == (channels, 16, 16)
    assert (pixels == pixels[:, :1, :1]).all(), "one color, so the borders have it"
    image[height // 4 : -(height // 4) or None, width // 4 : -(width // 4) or None] = 0
    rows, columns = np.nonzero(Transform(16, channels, crop="pad")(image)[0] < 100)
    if height > 1:
        tall, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert tall == pytest.approx(16 * height / max(height, width) / 2, abs=1)
        assert wide == pytest.approx(16 * width / max(height, width) / 2, abs=1)
        assert rows.min() + rows.max() == pytest.approx(15, abs=1), "in the middle"


def test_what_is_square_is_the_same_in_both_crops():
    for shape in ((30, 30, 3), (8, 8, 3), (5, 5)):
        for channels in (1, 3):
            assert np.array_equal(
                Transform(8, channels)(noise(*shape)), Transform(8, channels, crop="pad")(noise(*shape))
            )
    digit = noise(28, 28)
    assert np.array_equal(Transform(32, 1, pad=True, crop="pad")(digit), Transform(32, 1, pad=True)(digit))


def test_transparency_is_padded_with_the_white_around_it():
    picture = Image.new("RGBA", (20, 40), (0, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (5, 5, 15, 35))
    assert (Transform(16, 3, crop="pad")(picture)[:, :, :4] == 255).all()


def test_resizing_does_not_alias():
    """A checkerboard of single pixels is grey from afar; taking every fourth pixel would leave it black or white."""
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    assert np.abs(Transform(16, 1)(board).astype(float) - 127.5).max() < 20


def test_28_pixels_are_padded_to_32_and_never_interpolated():
    digit = noise(28, 28)
    padded = Transform(32, 1, pad=True)(digit)[0]
    assert np.array_equal(padded[2:30, 2:30], digit)
    assert padded.sum(dtype=int) == digit.sum(dtype=int)
    assert np.array_equal(Transform(28, 1, pad=True)(digit)[0], digit)
    assert Transform(64, 1, pad=True)(digit)[0, :4].any()
    assert Transform(32, 1)(digit)[0, :2].any()


def test_alpha_is_laid_over_white():
    assert colour(Image.new("RGBA", (9, 9), (0, 0, 255, 0))) == [255, 255, 255]
    assert colour(Image.new("RGBA", (9, 9), (0, 0, 0, 102))) == [153, 153, 153]
    assert colour(Image.new("LA", (9, 9), (40, 255)), channels=1) == [40]
    assert colour(Image.new("LA", (9, 9), (40, 0)), channels=1) == [255]


def test_transparent_colours_of_palettes_are_white():
    picture = Image.new("P", (9, 9), 0)
    picture.putpalette([10, 200, 30])
    assert colour(stored(picture)) == [10, 200, 30]
    assert colour(stored(picture, transparency=0)) == [255, 255, 255]
    assert colour(stored(picture, "GIF", transparency=0)) == [255, 255, 255]


def test_grey_bilevel_and_cmyk():
    assert colour(Image.new("L", (9, 9), 99)) == [99, 99, 99]
    assert colour(Image.new("1", (9, 9), 1), channels=1) == [255]
    assert colour(stored(Image.new("CMYK", (9, 9), (0, 255, 255, 0)), "TIFF")) == [255, 0, 0]


def test_colour_becomes_luminance():
    assert colour(Image.new("RGB", (9, 9), (255, 0, 0)), channels=1) == [76]


@pytest.mark.parametrize("format", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_scaled(format):
    for value, byte in ((0, 0), (65535, 255), (257 * 200, 200), (257 * 7 + 200, 8)):
        assert colour(stored(Image.fromarray(np.full((9, 9), value, np.uint16)), format), channels=1) == [byte]


def test_a_transparent_grey_of_sixteen_bits_is_white():
    for value, byte in ((40000, 255), (257 * 200, 200)):
        picture = stored(Image.fromarray(np.full((9, 9), value, np.uint16)), transparency=40000)
        assert colour(picture, channels=1) == [byte]


def test_exif_orientation_is_applied():
    upright = noise(8, 8, 3)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: to be rotated by 90 degrees clockwise
    lying = Image.fromarray(np.rot90(upright).copy())
    assert np.array_equal(Transform(8, 3)(stored(lying, exif=exif)), upright.transpose(2, 0, 1))


@pytest.mark.parametrize(("mode", "what"), [("F", "floating point"), ("I", "32 bits")])
def test_wider_pixels_have_no_known_scale(mode, what):
    with pytest.raises(ValueError, match=f"pixels of {what} have no known scale"):
        Transform(8, 1)(stored(Image.new(mode, (8, 8), 200), "TIFF"))


def test_formats_that_start_other_programs_are_not_opened():
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"
    assert Image.open(BytesIO(eps)).format == "EPS"
    with pytest.raises(Image.UnidentifiedImageError):
        Transform(8, 1)(eps)


def test_a_picture_that_unfolds_to_gigabytes_is_refused_by_its_size():
    """20,000 x 20,000 pixels, as the first bytes of a PNG say."""
    picture = bytearray(stored(Image.new("L", (9, 9))))
    picture[16:24] = (20_000).to_bytes(4, "big") * 2
    picture[29:33] = zlib.crc32(picture[12:29]).to_bytes(4, "big")
    with pytest.raises(Image.DecompressionBombError, match=f"400000000 pixels\\) exceeds limit of {MAX_PIXELS} pixels"):
        Transform(8, 1)(bytes(picture))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a FIFO is POSIX's")
def test_a_fifo_is_no_picture(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    for path in (tmp_path / "x.png", Path("/dev/zero")):
        with pytest.raises(ValueError, match="it is not a regular file"):
            Transform(8, 1)(path)
    with pytest.raises(FileNotFoundError):
        Transform(8, 1)(tmp_path / "none.png")
