"""The classes of scored samples are as frequent as in the data, however many are taken."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from ganzoo.evaluation.real_data import class_order

UNEVEN = [
    [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    [20, 1],
    [1, 0, 7, 0, 3],
    [0, 0, 4],
]


@pytest.mark.parametrize("classes", [1, 2, 3, 10, 1000])
def test_classes_of_equally_many_images_come_in_turn(classes):
    assert class_order([6] * classes, 2503).tolist() == [i % classes for i in range(2503)]


@pytest.mark.parametrize("classes", [1, 3, 10])
def test_so_they_do_where_nothing_is_known(classes):
    assert class_order([0] * classes, 25).tolist() == [i % classes for i in range(25)]


@pytest.mark.parametrize("counts", UNEVEN)
def test_no_class_is_off_by_more_than_an_image_at_any_length(counts):
    taken = np.cumsum(np.eye(len(counts))[class_order(counts, 3000)], 0)
    wanted = np.arange(1, 3001)[:, None] * np.array(counts) / sum(counts)
    assert np.abs(taken - wanted).max() <= 1 and not taken[:, np.array(counts) == 0].any()


@pytest.mark.parametrize("counts", [[5, 3, 1], [20, 1], [1, 0, 7], [2, 2, 3, 1]])
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_no_other_choice_is_nearer_to_the_shares(counts, n):
    """Every choice of `n` classes is tried."""
    shares = np.array([c for c in counts if c]) / sum(counts)

    def far(taken):
        return ((np.array(taken) - n * shares) ** 2 / shares).sum()

    found = np.bincount(class_order(counts, n), minlength=len(counts))[[k for k, c in enumerate(counts) if c]]
    every = (taken for taken in product(range(n + 1), repeat=len(shares)) if sum(taken) == n)
    assert far(found) == pytest.approx(min(map(far, every)))


@pytest.mark.parametrize("counts", [*UNEVEN, [999, 1, 1, 1]])
def test_fewer_samples_are_the_first_of_more(counts):
    assert class_order(counts, 2000)[:777].tolist() == class_order(counts, 777).tolist()
