"""Samples, splits and reference that do not belong together are said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ganzoo.builder import resolve_config
from ganzoo.data import Dataset, load
from ganzoo.errors import InputError
from ganzoo.evaluation.real_data import RealData, first_names, load_real_splits, mismatches, small_reference
from small_runs import small
from tiny_extractor import pictures


def named(*classes: str, n: int = 12, seed: int = 0, name: str = "pets") -> Dataset:
    labels = [i % len(classes) for i in range(n)] if classes else None
    return Dataset.from_tensor(pictures(n, seed, size=28), labels, list(classes) or None, name=name)


def said(trained: Dataset, against: Dataset, conditional: bool = False) -> list[str]:
    config = resolve_config(small("nsgan"), trained)
    return [*mismatches(config.dataset, load_real_splits(config, against), conditional)]


def test_nothing_is_said_of_what_it_was_trained_on():
    for data in (named("cat", "dog"), named()):
        assert said(data, data) == []
    assert said(named("cat", "dog"), named("cat", "dog"), conditional=True) == []


@pytest.mark.parametrize(
    ("against", "expected"),
    [
        (named("cat", "dog", seed=1), ["12 images of 'pets', not on the 12 of 'pets' that"]),
        (named("cat", "dog", n=9), ["not on the 9 of 'pets'"]),
        (named(name="clothes", seed=2), ["not on the 12 of 'clothes'"]),
        (
            named("cat", "dog", "owl", "eel"),
            ["12 images of 'pets', not on", "not trained on: 'owl', 'eel'"],
        ),
        (named("cat"), ["12 images of 'pets', not on", "'pets' lacks classes that the model was trained on: 'dog'"]),
        (named("bag", "boot", name="x"), ["12 images of 'pets', not on", "'x' has classes", "'x' lacks classes"]),
    ],
)
def test_other_images_and_other_classes_are_named(against, expected):
    lines = said(named("cat", "dog"), against)
    assert len(lines) == len(expected) and all(part in line for part, line in zip(expected, lines, strict=True))
    assert not any("\n" in line for line in lines)


def test_a_conditional_model_needs_a_class_in_common():
    with pytest.raises(InputError, match="draws the classes 'cat', 'dog', but 'x' has only 'bag', 'boot'"):
        said(named("cat", "dog"), named("bag", "boot", name="x"), conditional=True)
    lines = said(named("cat", "dog"), named(seed=1), conditional=True)
    assert "'pets' has no labels, so the model draws the same number of images of each of its classes" in lines[1]
    assert any("lacks classes" in line for line in said(named("cat", "dog"), named("cat"), conditional=True))


def test_a_model_of_the_test_split_is_told():
    test = replace(named("cat", "dog", seed=3), split="test")
    config = resolve_config(small("nsgan"), test)
    (one, other) = mismatches(config.dataset, RealData(named("cat", "dog"), test, own=False), conditional=False)
    assert "trained on the test split of 'pets'" in other and "12 images of 'pets'" in one


@pytest.mark.parametrize(("n", "lines"), [(11, 0), (12, 0), (13, 1)])
def test_a_reference_of_fewer_images_is_told(n, lines):
    found = [*small_reference(named(), n)]
    assert len(found) == lines and (not lines or "13 samples are measured against 12 real images" in found[0])


def test_long_lists_are_cut_and_nothing_in_a_name_is_obeyed():
    assert (
        first_names([*"abcdefg"]) == "'a', 'b', 'c', 'd', 'e' and 2 more"
        and first_names(["\x1b]0;x\a"]) == r"'\x1b]0;x\x07'"
    )


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"classes": ["3", "8"]},
        {"max_images": 70},
        {"labelled": 20},
        {"labelled": 20, "labelled_share": 0.5},
        {"size": 28},
    ],
)
def test_its_own_data_are_known_by_whatever_was_chosen_among_them(choice):
    from ganzoo.run_data import load_dataset

    config = small("nsgan", data=choice)
    config = resolve_config(config, load_dataset(config))
    real = load_real_splits(config, "digits")
    assert real.own and [*mismatches(config.dataset, real, conditional=False)] == []
    assert len(real.train) == (70 if "max_images" in choice else len(load("digits", classes=choice.get("classes"))))
