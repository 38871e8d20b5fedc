"""Names at the rows of a picture."""

from __future__ import annotations

import pytest
import torch

from ganzoo.image_io import grid, to_pil
from ganzoo.sampling.film import class_caption, contact_sheet


@pytest.mark.parametrize(
    ("name", "caption"),
    [
        ("cat", "cat"),
        ("Café Zoë", "Cafe Zoe"),
        ("a very long name of a class of flowers", "a very long name of a c…"),
        ("exactly twenty-four long", "exactly twenty-four long"),
        ("猫", "class 7"),
        ("кот and cat", "class 7"),
        ("two\nlines", "class 7"),
        ("\ud800", "class 7"),
        ("  ", "class 7"),
    ],
)
def test_a_class_name_is_one_that_the_font_can_draw(name, caption):
    assert class_caption(name, 7) == caption
    contact_sheet([(caption, torch.zeros(1, 1, 4, 4))])


def test_rows_of_one_name_stay_apart_and_letters_grow_half_as_fast_as_images():
    rows = torch.linspace(-1, 1, 4).view(2, 2, 1, 1, 1).expand(2, 2, 3, 8, 8)
    plain, large = (contact_sheet([("class", row) for row in rows], scale) for scale in (1, 4))
    left = plain.width - 22
    assert plain.crop((left, 0, plain.width, 22)).tobytes() == to_pil(grid(rows.flatten(0, 1), 2)[0]).tobytes()
    sheet = to_pil(grid(rows.flatten(0, 1), 2)[0], 4)
    assert large.crop((large.width - 88, 0, large.width, 88)).tobytes() == sheet.tobytes()
    assert 2 * (left - 12) < large.width - 88 - 12 < 3 * (left - 12), "2.5 times"
