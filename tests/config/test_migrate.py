"""Names of format 1 are still understood."""

from __future__ import annotations

import pytest

from ganzoo.config.migrate import FOLDERS, current_name
from ganzoo.config.recipes import make_config, variants


@pytest.mark.parametrize(("old", "new"), [("toy/nsgan", "mixtures/nsgan"), ("cifar10/hinge", "papers/cifar10/hinge")])
def test_a_recipe_is_found_under_the_name_of_its_old_folder_with_a_warning(old, new):
    with pytest.warns(UserWarning, match=f"the variant {old} is now called {new}"):
        assert make_config(old) == make_config(new)


def test_every_folder_that_was_renamed_is_there_under_its_new_name_only():
    for old, new in FOLDERS.items():
        assert any(name.startswith(new) for name in variants())
        assert not any(name.startswith(old) for name in variants())


@pytest.mark.parametrize("name", ["wgan-gp", "mnist/cgan", "mixtures/nsgan", "cifar10-small/acgan", "custom"])
def test_a_present_name_stays(name):
    assert current_name(name) == name
