"""A class name that is a number is a name, from the data to the samples; classes without pictures are refused or warned of."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganzoo
from ganzoo import api, builder, cli
from ganzoo.builder import resolve_config
from ganzoo.config.compatibility import incompatibilities
from ganzoo.data import Dataset
from ganzoo.data.dataset import class_index
from ganzoo.errors import InputError
from ganzoo.run_data import load_dataset
from ganzoo.sampling import projection
from ganzoo.training.run_dir import RunDir
from ganzoo.ui.view import View, picture
from small_runs import small, toy_data

NUMBERS = ["0", "1", "10", "11", "2"]  # as folders are sorted
LISTS = {
    "sorted-as-text": NUMBERS,
    "from-1": ["1", "10", "2", "3"],
    "years": ["1998", "1999", "2000"],
    "turned-round": ["2", "1", "0"],
    "with-words": ["cat", "1", "dog", "0"],
    "zeros-before": ["00", "01", "02"],
    "in-order": ["0", "1", "2"],
}


@pytest.mark.parametrize("names", LISTS.values(), ids=LISTS)
def test_every_name_is_found_by_itself_as_text_and_as_a_number(names):
    for index, name in enumerate(names):
        assert class_index(name, names) == index
        if name.isdecimal() and str(int(name)) == name:
            assert class_index(int(name), names) == index


@pytest.mark.parametrize("names", LISTS.values(), ids=LISTS)
def test_a_number_that_is_no_name_never_reaches_a_class_of_another_number(names):
    for number in range(12):
        for wanted in (number, str(number)):
            try:
                found = names[class_index(wanted, names)]
            except InputError as error:
                assert f"did you mean '{number}'" not in str(error)
                continue
            assert not found.isdecimal() or int(found) == number


def test_both_readings_of_a_number_are_named_in_the_refusal():
    with pytest.raises(
        InputError, match=r"no class is called '3', and the class with index 3 \(from 0\) is called '11'; give a name"
    ):
        class_index(3, NUMBERS)
    assert class_index(2, ["cat", "dog", "bird"]) == 2 and class_index("2", ["cat", "dog", "bird"]) == 2


@pytest.fixture
def folders(tmp_path) -> Path:
    """Folders named by numbers, with pictures of that grey."""
    for name in NUMBERS:
        (tmp_path / "set" / name).mkdir(parents=True)
        for i in range(4):
            Image.new("L", (16, 16), int(name) * 10).save(tmp_path / "set" / name / f"{i}.png")
    return tmp_path / "set"


def on(folder: Path, variant: str = "nsgan", **data) -> ganzoo.Config:
    channels = {"spec": f"folder:{folder}", "size": 16, "channels": 1}
    return small(variant, data=channels | data, train={"steps": 1})


@pytest.mark.parametrize("wanted", [2, "2"])
def test_data_classes_are_folders_by_name(folders, tmp_path, wanted):
    run = api.train(on(folders, classes=[wanted, "10"]), out=tmp_path / "run")
    config = RunDir(run).config()
    assert config.dataset.class_names == ("2", "10") == config.data.classes
    assert np.unique(load_dataset(config).images).tolist() == [20, 100]


def test_a_run_of_before_goes_on_with_the_classes_that_it_had(folders, tmp_path):
    """Then, 2 was the class at place 2, which is the folder 10."""
    run = api.train(on(folders, classes=["10"]), out=tmp_path / "run")
    config = json.loads((run / "config.json").read_text())
    config["data"]["classes"] = [2]
    (run / "config.json").write_text(json.dumps(config))
    api.resume(run, api.with_train(RunDir(run).config(), steps=2))
    assert RunDir(run).config().data.classes == ("10",) and RunDir(run).records()[-1]["step"] == 2


@pytest.fixture
def conditional(folders, tmp_path) -> Path:
    return api.train(on(folders, "cgan"), out=tmp_path / "run")


@pytest.mark.parametrize("name", NUMBERS)
def test_all_ways_to_ask_for_a_class_draw_the_same(conditional, tmp_path, name):
    sampler = ganzoo.load(conditional)
    index = NUMBERS.index(name)
    wanted = sampler.images(sampler.inputs([7, 8], torch.full((2,), index)), [7, 8])
    for asked in (name, int(name)):
        assert torch.equal(sampler.sample(2, seed=7, classes=[asked]), wanted)
        assert torch.equal(sampler.sample_per_class([7, 8], [asked]), wanted)
        assert torch.equal(sampler.walk([7, 8], 2, classes=[asked])[:1], sampler.walk([7, 8], 2, classes=[name])[:1])
    assert projection.initial_latents(sampler, 1, name)[0].labels.tolist() == [index]
    by_name, by_number = (View(left="x", seed=7, images=2, class_name=asked) for asked in (name, str(int(name))))
    assert picture(sampler, by_name) == picture(sampler, by_number)


def test_sample_says_which_classes_it_draws(conditional, tmp_path, capsys):
    for asked in ("2,10", " 2 , 10 "):
        out = tmp_path / "x.png"
        assert cli.run(["sample", str(conditional), "-n", "4", "--classes", asked, "--out", str(out)]) == 0
        printed = capsys.readouterr()
        assert printed.err == "classes: 2, 10\n" and printed.out == f"{out}\n"
        assert cli.run(["sample", str(conditional), "-n", "4", "--classes", "3", "--out", str(out)]) == 2
        assert "the class with index 3 (from 0) is called '11'" in capsys.readouterr().err


def test_a_grid_of_a_release_has_its_classes_in_their_order(conditional, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "ganzoo.training.release.draw_sheet", lambda images, columns, modes: drawn.append((images, columns))
    )
    sampler = ganzoo.load(conditional)
    sampler.grid()
    (images, columns), n = drawn[0], 8 * len(NUMBERS)
    labels = torch.arange(n) % len(NUMBERS)
    assert columns == len(NUMBERS) and torch.equal(images, sampler.images(sampler.inputs(range(n), labels), range(n)))


@pytest.mark.parametrize(
    ("chosen", "said"), [(None, "(20 of 1 x 16 x 16, 5 classes)"), (["2"], "(4 of 1 x 16 x 16, 1 class: 2)")]
)
def test_the_header_of_a_training_says_how_many_classes_and_which(folders, tmp_path, capsys, chosen, said):
    api.train(on(folders, classes=chosen), out=tmp_path / "run", quiet=False)
    assert said in capsys.readouterr().err


def test_the_header_says_nothing_of_classes_where_there_are_no_labels(tmp_path, capsys):
    api.train(small("nsgan", train={"steps": 1}), toy_data(classes=0), tmp_path / "run", quiet=False)
    assert "(40 of 1 x 28 x 28)," in capsys.readouterr().err


CONDITIONAL = {"networks": {"generator": {"condition": "concat"}, "discriminator": {"condition": "channels"}}}
ASKING = [("acgan", {}), ("cgan", {}), ("nsgan", CONDITIONAL), ("wgan-gp", CONDITIONAL), ("ssgan", {})]
"""Variants that learn classes."""


def labelled(labels, names=None) -> Dataset:
    images = np.zeros((len(labels), 1, 28, 28), np.uint8)
    return Dataset.from_tensor(images, np.array(labels), names)


HOLES = {
    "from-1": (
        labelled([*range(1, 11)] * 2),
        "1 of 11 classes have no labeled image ('0'); if the labels start at 1",
    ),
    "a-gap": (labelled([0, 1, 3, 0, 1, 3]), "1 of 4 classes have no labeled image ('2'); remove them"),
    "a-name-too-many": (
        labelled([0, 1, 0, 1], ["a", "b", "c", "d"]),
        "2 of 4 classes have no labeled image ('c', 'd')",
    ),
    "many": (labelled([0, 9] * 5), "8 of 10 classes have no labeled image ('1', '2', '3', '4', '5', ...)"),
}


@pytest.mark.parametrize("hole", HOLES)
@pytest.mark.parametrize(("variant", "tables"), ASKING, ids=[f"{i}-{v}" for i, (v, _) in enumerate(ASKING)])
def test_a_class_without_a_picture_is_refused_where_classes_are_learned(hole, variant, tables):
    data, said = HOLES[hole]
    with pytest.raises(InputError, match="needs images of every class") as error:
        resolve_config(small(variant, **tables), data)
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("hole", HOLES)
def test_it_is_warned_of_elsewhere(hole):
    data, said = HOLES[hole]
    with pytest.warns(UserWarning) as caught:
        resolve_config(small("nsgan"), data)
    assert said in str(caught[0].message)


@pytest.mark.parametrize(("variant", "tables"), ASKING, ids=[f"{i}-{v}" for i, (v, _) in enumerate(ASKING)])
def test_one_class_is_refused_where_classes_are_learned_and_fine_elsewhere(variant, tables):
    with pytest.raises(InputError, match="needs at least two classes, but 'x' is the only one"):
        resolve_config(small(variant, **tables), labelled([0] * 8, ["x"]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resolve_config(small("nsgan"), labelled([0] * 8, ["x"]))


def test_few_pictures_or_labels_are_named_as_the_reason():
    data = toy_data(classes=10)
    for key, part in (("labelled", data.partly_labelled(4)), ("max_images", data.subset(4))):
        with pytest.raises(InputError, match=rf"\d of 10 classes .*; raise data.{key}"):
            resolve_config(small("ssgan", data={key: 4}), part)


@pytest.mark.parametrize("split", ["", "train"])
def test_a_folder_around_the_folders_is_recognised(tmp_path, split):
    top = tmp_path / "set" / split
    for i, name in enumerate(["cat", "dog"]):
        (top / "images" / name).mkdir(parents=True)
        Image.new("L", (16, 16), i).save(top / "images" / name / "x.png")
    if split:
        (tmp_path / "set" / "test" / "images").mkdir(parents=True)
        Image.new("L", (16, 16)).save(tmp_path / "set" / "test" / "images" / "x.png")
    with pytest.raises(InputError) as error:
        api.train(on(tmp_path / "set", "acgan"), out=tmp_path / "run")
    inner = top / "images"
    assert f"'images' is the only one; did you mean folder:{inner}?" in str(error.value)
    assert not (tmp_path / "run").exists()
    api.train(on(inner, "acgan"), out=tmp_path / "run")


def test_an_archive_whose_labels_start_at_1_is_refused_from_the_command_line(tmp_path, capsys):
    images, labels = np.zeros((20, 16, 16), np.uint8), np.arange(20) % 10 + 1
    np.savez(tmp_path / "set.npz", images=images, labels=labels)
    words = [
        "train",
        "cgan",
        "--data",
        f"npz:{tmp_path / 'set.npz'}",
        "--set",
        "data.size=16",
        "--out",
        str(tmp_path / "r"),
    ]
    assert cli.run(words) == 2
    assert "if the labels start at 1, subtract 1" in capsys.readouterr().err


def test_a_run_of_before_with_an_empty_class_goes_on_and_is_sampled(tmp_path, monkeypatch):
    data = labelled([1, 2, 3] * 4)
    with monkeypatch.context() as before:
        before.setattr(builder, "incompatibilities", lambda *args: incompatibilities(*args[:3]))
        with pytest.warns(UserWarning, match="no labeled image"):
            run = api.train(small("cgan", train={"steps": 1}), data, tmp_path / "run")
    api.resume(run, api.with_train(RunDir(run).config(), steps=2), data)
    assert len(ganzoo.load(run).sample(4, classes=[0, 1, 2, 3])) == 4
