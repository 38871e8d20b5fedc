"""Settings of losses that mean nothing are refused; the contracts of all losses are in `ganzoo.contracts`."""

from __future__ import annotations

import pytest

from ganzoo.errors import InputError
from ganzoo.losses import LOSSES


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("wgan", {"clip": 0.0}),
        ("wgan", {"clip": float("nan")}),
        ("wgan-gp", {"weight": -1.0}),
        ("dragan", {"weight": -1.0}),
        ("dragan", {"noise": "unifrom"}),
        ("acgan", {"weight": -1.0}),
        ("ssgan", {"weight": -1.0}),
        ("ebgan", {"margin": 0.0}),
        ("ebgan", {"pull_away": -1.0}),
        ("began", {"gamma": 0.0}),
        ("began", {"lambda_k": 0.0}),
        ("infogan", {"categorical": 0, "continuous": 0}),
        ("infogan", {"weight": -1.0}),
        ("coulomb", {"dimension": 2.0}),
        ("coulomb", {"epsilon": 0.0}),
    ],
)
def test_a_value_that_means_nothing_is_refused_in_one_line(name: str, settings: dict) -> None:
    with pytest.raises(InputError) as error:
        LOSSES[name](**settings)
    assert name in str(error.value) and "\n" not in str(error.value)
