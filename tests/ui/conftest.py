"""Small checkpoints to show."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganzoo import api
from small_runs import small, toy_data


@pytest.fixture(scope="session")
def runs(tmp_path_factory) -> Path:
    """A folder with a run that takes classes, one with a code and a uniform z, and one without either."""
    folder = tmp_path_factory.mktemp("runs")
    for variant in ("cgan", "infogan", "nsgan"):
        config = small(variant, train={"steps": 1}, networks={"init": "he"})
        api.train(config, toy_data(size=16), folder / variant)
    return folder
