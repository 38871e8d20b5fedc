from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import ganzoo.data
from ganzoo.data import SOURCES, Dataset, Source, find_source, load
from ganzoo.data.sources.mixtures import mixture_of
from ganzoo.errors import InputError
from ganzoo.evaluation.extractor import default_extractor
from ganzoo.evaluation.modes import has_known_modes

MODULES = sorted(Path(ganzoo.data.__file__).parent.rglob("*.py"))


def complaint(spec: str, **options: object) -> str:
    with pytest.raises(InputError) as error:
        load(spec, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_every_kind_of_the_issue_is_there():
    kinds = ["digits", "mnist", "fashion-mnist", "cifar10", "svhn", "stl10", "celeba", "lsun", "folder", "npz", "hf"]
    assert set(kinds) <= set(SOURCES)
    assert all(kind.usage.split(":")[0].rstrip("[") == name for name, kind in SOURCES.items())


@pytest.mark.parametrize(
    ("spec", "size", "channels"),
    [
        ("digits", 32, 1),
        ("mnist", 32, 1),
        ("fashion-mnist", 32, 1),
        ("cifar10", 32, 3),
        ("svhn", 32, 3),
        ("stl10", 64, 3),
        ("celeba", 64, 3),
        ("lsun", 64, 3),
        ("hf:a/b", 64, 3),
    ],
)
def test_defaults(spec, size, channels):
    kind = find_source(spec)
    assert (kind.size, kind.channels, kind.splits) == (size, channels, ("train", "test"))


def test_published_sets_say_whose_they_are():
    assert all(kind.licence for kind in SOURCES.values() if kind.name not in ("folder", "npz", "hf"))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("minst", "did you mean 'mnist'"),
        ("", "no data set is called ''; choose from: celeba"),
        (":x", "no data set is called ''"),
        ("xyzzy", "choose from: celeba, cifar10, digits"),
        ("mnist:3", "takes no argument after a colon; write mnist"),
        ("folder", "data 'folder' needs an argument; write folder:PATH"),
        ("npz:", "data 'npz' needs an argument; write npz:PATH"),
        ("folder:/no/such", "folder /no/such does not exist"),
        ("npz:/no/such", "file /no/such does not exist"),
    ],
)
def test_what_is_no_spec(spec, words):
    assert words in complaint(spec)


def test_a_path_is_told_how_to_be_a_spec(pets, npz):
    assert f"write folder:{pets}" in complaint(str(pets))
    assert f"write {npz}" in complaint(npz.removeprefix("npz:"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 0}, "at least 2 pixels, not 0"),
        ({"size": 1}, "the size of images must be at least 2 pixels, not 1"),
        ({"size": -3}, "not -3"),
        ({"channels": 2}, "1 (grayscale) or 3 (color), not 2"),
        ({"crop": "none"}, "crop must be 'center' or 'pad', not 'none'"),
        ({"max_images": 0}, "at least 1, not 0"),
        ({"labelled": 0}, "at least 1, not 0"),
        ({"labelled_share": 1.0}, "below 1, not 1.0"),
        ({"labelled": 13}, "13 labeled images need 5 of class '0', but set has 4"),
        ({"split": "test"}, "has no split 'test', only train"),
        ({"split": "valid"}, "has no split 'valid'"),
        ({"classes": ["9"]}, "no class is called '9'; choose from: 0, 1, 2"),
    ],
)
def test_options_that_make_no_sense(npz, options, words):
    assert words in complaint(npz, **options)


def test_options_are_obeyed(npz, home):
    dataset = load(npz, size=4, channels=1, classes=[2, 0], max_images=5)
    assert (dataset.shape, len(dataset), dataset.class_names) == ((1, 4, 4), 5, ["2", "0"])


def test_labels_are_dropped_after_the_choice_of_classes_and_the_limit(npz, home):
    # Of the classes 2 and 0 there are the images 0, 2, 3, 5, 6, 8, 9, 11, of which a limit of 3 leaves 0, 3 and 8.
    assert load(npz, classes=[2, 0], max_images=3).labels.tolist() == [1, 1, 0]
    assert load(npz, classes=[2, 0], max_images=3, labelled=2).labels.tolist() == [1, -1, 0]


def test_classes_and_limit_make_no_new_entry(npz, home):
    whole = load(npz)
    part = load(npz, classes=[1], max_images=2)
    assert np.array_equal(part.images, whole.images[[1, 7]])
    assert len(list((home / "cache").iterdir())) == 1


@pytest.mark.parametrize("name", ["ring", "grid", "mnist", "stacked-digits"])
def test_pictures_are_not_taken_for_the_published_set_whose_name_they_have(pets, npz, name, tmp_path):
    pets.rename(tmp_path / name)
    Path(npz.removeprefix("npz:")).rename(tmp_path / f"{name}.npz")
    for kind, path in (("folder", tmp_path / name), ("npz", tmp_path / f"{name}.npz")):
        data = load(f"{kind}:{path}", size=32, channels=3)
        assert data.name == f"{kind}-{name}"
        assert (
            not has_known_modes(data)
            and mixture_of(data.name, data.class_names) is None
            and default_extractor(data) == "cifar"
        )
    assert load("digits").name == "digits"


def test_data_that_are_no_pictures_are_one_class(home):
    class Cross(Source):
        name = usage = "cross"
        channels = 1

        def dataset(self, split, size, channels, on_corrupt, quiet) -> Dataset:
            points = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], np.float32).reshape(4, 2, 1, 1) * 9
            return Dataset.from_tensor(points, np.arange(4), name=self.title)

    try:
        dataset = load("cross", classes=["3"])
    finally:
        del SOURCES["cross"]
    assert dataset.samples([0]).images.flatten().tolist() == [0, -9]
    assert not (home / "cache").exists()


def test_no_pickle_is_opened():
    """But in `download`, which reads weights only, after their digest. (NumPy's flag is the only other door.)"""
    for module in MODULES:
        if module.stem == "download":
            continue
        text = module.read_text()
        assert "import pickle" not in text
        assert "torch.load" not in text
        assert "allow_pickle=True" not in text
        assert text.count("np.load(") == text.count("allow_pickle=False") - text.count("np.save(")


def test_torchvision_is_imported_by_its_sources_and_only_when_used():
    for module in MODULES:
        tree = ast.parse(module.read_text())
        names = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
        names += [alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
        optional = {"torchvision", "datasets", "lmdb", "scipy", "gdown"}
        assert not optional & {str(name).split(".")[0] for name in names}
        assert "import torchvision" not in module.read_text()
        if "from torchvision" in module.read_text():
            assert module.name in ("torchvision_sets.py", "cifar10.py")
