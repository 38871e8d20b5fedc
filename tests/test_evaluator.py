"""A run and its data -> scores, from a program and from the command line."""

from __future__ import annotations

import ast
import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from closed_case import copier, uneven
from PIL import Image

import ganzoo
from ganzoo import api
from ganzoo.atomic_io import read_json
from ganzoo.cli import main
from ganzoo.cli.evaluate import show
from ganzoo.data import Dataset, load
from ganzoo.errors import InputError
from ganzoo.evaluation import EXTRACTORS, METRICS, Evaluation, Score, modes
from ganzoo.evaluation.real_data import RealData
from ganzoo.evaluator import (
    evaluate,
    load_real_data,
    nearest_training_images,
    open_feature_reader,
    requested_classes,
    resolve_sample_count,
    score_images,
    seed_sampler,
)
from ganzoo.training.run_dir import RunDir
from small_runs import small, toy_data
from tiny_extractor import pictures, tiny


def digits(**given):
    """A stand-in for the classifier of digits."""
    return tiny(size=8, native=8, class_names=list("0123456789"), **given)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return api.train(small("cgan", train={"steps": 2}), out=tmp_path_factory.mktemp("run") / "cgan")


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    points = small("nsgan", train={"steps": 2}, data={"spec": "ring"}, networks={"generator": {}, "discriminator": {}})
    return api.train(points, out=tmp_path_factory.mktemp("run") / "ring")


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setitem(EXTRACTORS, "digits", lambda: digits())


SHIPPED = {*"fid kid is precision recall density coverage checkerboard class_accuracy".split()}


@pytest.fixture(autouse=True)
def without_metrics_of_a_later_day():
    """The rows below are of those that ship; afterwards all are back in their order, which the tables of the docs have."""
    every = dict(METRICS)
    for name in METRICS.keys() - SHIPPED:
        del METRICS[name]
    yield
    METRICS.clear()
    METRICS.update(every)


def test_a_run_is_measured_on_its_own_data(run):
    found = evaluate(ganzoo.load(run), extractor=digits(), n=40)
    names = [score.name for score in found.scores]
    assert names[0] == "fid-tiny@40/test" and "class_accuracy-tiny@40" in names and "kid-tiny@40/train" in names
    assert len(names) == 11 and all(score.floor is not None for score in found.scores)
    facts = found.as_json()
    assert facts["data"]["splits"]["test"] == {"count": 2000, "digest": load("digits", split="test").digest}
    assert facts["extractor"]["sha256"] == "0" * 64 and facts["model"]["variant"] == "cgan" and facts["left_out"] == []
    assert found["fid/test"].value > found["fid/test"].floor, "two steps make no digits"


def test_what_does_not_fit_is_left_out_and_named(run, tmp_path):
    plain = api.train(small("nsgan", train={"steps": 1}), out=tmp_path / "run")
    found = evaluate(ganzoo.load(plain), extractor=digits(), n=5)
    assert [s.metric for s in found.scores] == ["fid", "kid", "precision", "recall", "checkerboard", "fid", "kid"]
    assert [line.split()[0] for line in found.facts["left_out"]] == ["is", "density", "coverage", "class_accuracy"]


def test_raw_weights_are_said_to_be(run):
    facts = [
        evaluate(ganzoo.load(run, raw), metrics=["fid"], extractor=digits(), n=9).facts["model"]
        for raw in (False, True)
    ]
    assert facts[0]["weights"] == "average" and facts[1]["weights"] == "raw" and facts[1]["step"] == 2


def test_only_what_is_asked_for_is_measured(run):
    found = evaluate(ganzoo.load(run), metrics=["kid"], split="train", extractor=digits(), n=40)
    assert [score.name for score in found.scores] == ["kid-tiny@40/train", "kid-tiny@40/test"]
    again = evaluate(ganzoo.load(run), metrics=["kid"], split="train", extractor=digits(), n=40, batch=9)
    assert again["kid/train"].value == pytest.approx(found["kid/train"].value, rel=1e-4)


def test_one_seed_is_one_image_of_the_class_that_was_asked_for(run):
    sampler = ganzoo.load(run)
    draw = seed_sampler(sampler, [str(i % 10) for i in range(20)])
    assert torch.allclose(draw([3, 14]), sampler.sample(seeds=[3, 14], classes=["3", "4"]), atol=1e-5)
    assert torch.allclose(draw(range(2, 5))[1:], draw(range(3, 5)), atol=1e-5)


def test_the_data_are_prepared_as_they_were_for_the_training(tmp_path):
    config = small("nsgan", train={"steps": 1}, data={"classes": [3, 8], "max_images": 500, "size": 28})
    found = load_real_data(ganzoo.load(api.train(config, out=tmp_path / "run")), None)
    assert (found.train.shape, len(found.train), found.train.class_names) == ((1, 28, 28), 500, ["3", "8"])
    assert found.test is not None and found.test.classes == 2 and len(found.test) > 300, "a limit is for training"


def test_its_own_data_are_known_again_where_they_lie_elsewhere(tmp_path):
    g = torch.Generator().manual_seed(0)
    images, labels = torch.randint(0, 256, (60, 28, 28, 1), generator=g, dtype=torch.uint8).numpy(), np.arange(60) % 3
    (tmp_path / "else").mkdir()
    np.savez(tmp_path / "mine.npz", images=images, labels=labels)
    np.savez(tmp_path / "else/mine.npz", images=images, labels=labels)
    data = {"spec": f"npz:{tmp_path / 'mine.npz'}", "classes": [0, 2], "max_images": 30}
    sampler = ganzoo.load(api.train(small("nsgan", train={"steps": 1}, data=data), out=tmp_path / "run"))
    moved = load_real_data(sampler, f"npz:{tmp_path / 'else/mine.npz'}").train
    assert (len(moved), moved.digest) == (30, sampler.config.dataset.digest)
    np.savez(tmp_path / "else/other.npz", images=255 - images, labels=labels)
    assert len(load_real_data(sampler, f"npz:{tmp_path / 'else/other.npz'}").train) == 60


def test_other_data_than_it_was_trained_on_must_be_named(tmp_path):
    sampler = ganzoo.load(api.train(small("nsgan", train={"steps": 1}), toy_data(), out=tmp_path / "run"))
    old = replace(sampler, config=of_before(sampler.config))
    with pytest.raises(InputError, match="'digits' are not those that the model was trained on; name data with --data"):
        evaluate(old, extractor=digits(), n=10)
    with pytest.raises(InputError, match="'memory' were passed from Python and are in no file; pass them as data="):
        evaluate(sampler, extractor=digits(), n=10)
    images = np.zeros((9, 28, 28, 3), np.uint8)
    np.savez(tmp_path / "other.npz", images=images)
    found = evaluate(sampler, f"npz:{tmp_path / 'other.npz'}", extractor=digits(), metrics=["fid"], n=9)
    assert found["fid"].name == "fid-tiny@9/train" and found.as_json()["data"]["shape"] == [1, 28, 28]


def test_a_model_that_draws_real_images_has_the_score_of_real_images(monkeypatch):
    """Of classes of which one has twenty times the images of another."""
    sampler, data = copier(uneven()), uneven()
    asked = {"metrics": ["fid", "class_accuracy"], "extractor": "digits", "n": 300}
    found = evaluate(sampler, data, **asked)
    assert found["fid"].value < 1.2 * found["fid"].floor and found["class_accuracy"].value > 0.97
    assert found.facts["samples"].endswith("; classes as frequent as in memory/train, in the order of Webster's method")
    monkeypatch.setattr("ganzoo.evaluator.requested_classes", lambda sampler, data, n: [str(i % 10) for i in range(n)])
    assert evaluate(sampler, data, **asked)["fid"].value > 2 * found["fid"].floor, (
        "so a mean of all classes would not do"
    )


@pytest.mark.parametrize("labelled", [True, False])
def test_classes_are_asked_for_by_name_and_one_without_images_is_not(labelled):
    data = uneven(share=0.1)
    sampler = copier(data)
    mine = [*"9876543210", "extra"]  # in another order, with one that the model does not know
    labels = 9 - data.labels if labelled else np.where(data.labels == 4, -1, 9 - data.labels)
    other = Dataset.from_tensor(data.images, labels, mine)
    counts = dict(zip(*np.unique(requested_classes(sampler, other, len(data)), return_counts=True), strict=True))
    wanted = {str(k): count for k, count in enumerate(data.class_counts) if labelled or k != 4}
    if labelled:
        assert counts == wanted
    else:
        assert "4" not in counts and abs(counts["0"] / len(data) - wanted["0"] / sum(wanted.values())) < 1 / len(data)


def test_the_class_of_a_seed_is_that_of_the_training_split(tmp_path):
    """The test split has other shares here, and the limit of the run is on what it saw."""
    config = small("cgan", train={"steps": 1}, data={"classes": ["1", "7", "2"], "max_images": 100})
    sampler = ganzoo.load(api.train(config, out=tmp_path / "run"))
    real = load_real_data(sampler, None)
    assert [*np.unique(requested_classes(sampler, real.train, 100), return_counts=True)[1]] == [
        real.train.class_counts[real.train.class_names.index(name)] for name in ("1", "2", "7")
    ]


@pytest.mark.parametrize(
    ("samples", "real", "there"),
    [
        (24, 6, "fid kid is precision recall density coverage checkerboard class_accuracy fid kid"),
        (24, 3, "fid is recall checkerboard class_accuracy fid"),
        (24, 1, "is recall checkerboard class_accuracy"),
        (3, 24, "fid checkerboard class_accuracy fid"),
        (12, 24, "fid kid precision recall density coverage checkerboard class_accuracy fid kid"),
    ],
)
def test_each_score_has_the_minimum_that_it_needs(samples, real, there):
    """Of samples and of real images in the test split; of each split no more are taken than there are samples."""
    sampler, test = copier(uneven(share=0.2)), uneven("test", 0.1)
    own = replace(RealData(uneven(share=0.2), test.subset(real)), own=True)
    reader = open_feature_reader(digits(), own.train)
    found = score_images(sampler, own, None, samples, "test", reader)
    assert [score.metric for score in found.scores] == there.split()
    assert all(math.isfinite(score.value) for score in found.scores)
    reasons = {line.split()[0]: line for line in found.facts["left_out"]}
    assert reasons.keys() == METRICS.keys() - set(there.split())
    for name, line in reasons.items():
        few = samples < METRICS[name].least
        assert ("samples; there are" in line) == few and ("real images" in line) != few


def test_an_empty_table_is_an_error_with_the_reasons():
    """Three samples and one real image, which is too small for a spectrum."""
    data = Dataset.from_tensor(pictures(40, size=7), np.arange(40) % 3)
    sampler = copier(data)
    plain = replace(sampler, latent=replace(sampler.latent, classes=0))
    reader, real = open_feature_reader(tiny(size=8, native=7), data), RealData(data, data.subset(1))
    with pytest.raises(
        InputError, match=r"^no metric can be computed: fid needs at least 2 real images; .*class_acc"
    ) as error:
        score_images(plain, real, None, 3, "test", reader)
    assert "\n" not in str(error.value) and all(f"{name} needs" in str(error.value) for name in METRICS)


def test_what_came_from_python_is_measured_against_what_is_given(tmp_path):
    data = uneven(share=0.1)
    sampler = ganzoo.load(api.train(small("cgan", train={"steps": 1}), data, tmp_path / "run"))
    asked = {"extractor": digits(), "n": 30, "metrics": ["fid", "precision"]}
    found = evaluate(sampler, data, **asked)
    assert [score.name for score in found.scores] == ["fid-tiny@30/train", "precision-tiny@30/train"]
    facts = found.facts["data"]
    assert facts["name"] == "memory" and facts["splits"] == {"train": {"count": len(data), "digest": data.digest}}
    assert found.facts["warnings"] == []
    held_out = replace(uneven("test", 0.1), split="test")
    other = evaluate(sampler, held_out, **asked)
    assert [score.name for score in other.scores] == ["fid-tiny@30/test", "precision-tiny@30/test"]
    assert len(other.facts["warnings"]) == 1 and "not on the" in other.facts["warnings"][0]
    for form in (torch.Tensor, np.asarray, torch.Tensor.tolist):
        images = form(data.samples(range(40)).images)
        assert "no labels" in evaluate(sampler, images, **asked).facts["warnings"][1]
    picture = nearest_training_images(sampler, data, extractor=digits())
    assert picture.shape == (1, 342, 206)
    with pytest.raises(InputError, match=r"^images must be \(N, C, H, W\)"):
        evaluate(sampler, np.zeros((4, 28, 28), np.uint8), **asked)
    with pytest.raises(InputError, match="the samples are 1 x 32 x 32, but the data 'memory' are 1 x 28 x 28"):
        evaluate(sampler, toy_data(), **asked)


@pytest.mark.parametrize("command_line", [False, True])
def test_data_that_only_a_program_has_must_be_given_again(command_line, tmp_path, capsys, registered):
    data = Dataset.from_tensor(uneven(share=0.1).images, name="scans")
    run = api.train(small("nsgan", train={"steps": 1}), data, tmp_path / "run")
    if command_line:
        code, _, err = command(capsys, "evaluate", run)
        assert code == 2 and err.count("\n") == 1
    else:
        with pytest.raises(InputError) as error:
            evaluate(ganzoo.load(run))
        err = str(error.value)
    assert (
        "the data 'scans' were passed from Python and are in no file; pass them as data= of" in err and "--data" in err
    )


def test_what_does_not_belong_together_is_a_line_on_stderr(run, registered, capsys):
    code, out, err = command(capsys, "evaluate", run, "-n", 2100, "--metrics", "fid")
    assert code == 0 and err.splitlines() == [
        "warning: 2,100 samples are measured against 2,000 real images, all that the test split of 'digits' has"
    ]
    assert "warning" not in out
    assert command(capsys, "evaluate", run, "-n", 30, "--metrics", "fid")[2] == ""


def of_before(config):
    """A config as it was written when data from Python were recorded under the spec that they took the place of."""
    return config.model_copy(update={"data": config.data.model_copy(update={"spec": "digits"})})


def test_points_are_measured_by_their_modes(ring):
    found = evaluate(ganzoo.load(ring))
    assert [score.name for score in found.scores] == ["modes@2500", "high_quality@2500", "reverse_kl@2500"]
    assert found["modes"].floor == 8 and found["high_quality"].floor == pytest.approx(0.989, abs=0.01)
    samples = ganzoo.load(ring).sample(2500)
    assert found.as_json()["modes"] == modes.count_modes("ring", samples)["modes"]
    assert found["high_quality"].value == pytest.approx(modes.count_modes("ring", samples)["high_quality"], abs=1e-3)
    assert [s.name for s in evaluate(ganzoo.load(ring), metrics=["modes"], n=100).scores] == ["modes@100"]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"metrics": ["fdi"]}, "no metric is called 'fdi'; did you mean 'fid'"),
        ({"metrics": ["modes"]}, "no metric is called 'modes'"),
        ({"metrics": ["coverage"], "n": 5}, "coverage needs at least 6"),
        ({"n": 1}, "at least 2 samples, not 1"),
        ({"batch": 0}, "--batch must be at least 1"),
        ({"n": 10**12}, "at most 10,000,000 samples"),
        ({"split": "valid"}, "digits has no split 'valid', only test and train"),
        ({"data": "ring"}, "the samples are 1 x 32 x 32, but the data 'ring' are 2 x 1 x 1"),
        ({"extractor": "digit"}, "no extractor is called 'digit'; did you mean 'digits'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run, given, complaint):
    with pytest.raises(InputError, match=complaint) as error:
        evaluate(ganzoo.load(run), **{"extractor": digits(), "n": 10} | given)
    assert "\n" not in str(error.value)


def test_a_release_does_not_say_where_its_data_lay_and_is_measured_where_they_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jane/pets").mkdir(parents=True)
    for i in range(9):
        Image.new("L", (32, 32), 20 * i).save(tmp_path / f"jane/pets/{i}.png")
    config = small("nsgan", train={"steps": 1}, data={"spec": "folder:jane/pets", "size": 32, "channels": 1})
    run = api.train(config, out=tmp_path / "run")
    assert RunDir(run).config().data.spec == f"folder:{tmp_path / 'jane/pets'}"
    assert "jane" not in (run / "release/config.json").read_text()
    assert read_json(run / "release/config.json", 2)["data"]["spec"] == "folder:pets"
    asked = {"extractor": digits(), "n": 9, "metrics": ["fid"]}
    assert evaluate(ganzoo.load(run), **asked).scores, "a run knows"
    release = ganzoo.load(run / "release")
    with pytest.raises(InputError, match=r"^folder pets does not exist; name data to evaluate .* with --data$"):
        evaluate(release, **asked)
    assert evaluate(release, "folder:jane/pets", **asked).scores


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"metrics": ["fid"]}, "fid needs images"),
        ({"extractor": "digits"}, "counted without an extractor; leave --extractor out"),
        ({"metrics": ["mode"]}, "did you mean 'modes'"),
        ({"metrics": ["kl"]}, "no count of modes for ring is called 'kl'"),
        ({"data": "digits"}, "the samples are 2 x 1 x 1, but the data 'digits' are 1 x 32 x 32"),
    ],
)
def test_what_points_do_not_have_is_refused(ring, given, complaint):
    with pytest.raises(InputError, match=complaint):
        evaluate(ganzoo.load(ring), **given)


def test_the_modes_counted_are_those_of_the_samples(ring, monkeypatch):
    """Samples are real points of the even modes here."""
    four = load("ring").of_classes(["0", "2", "4", "6"])
    monkeypatch.setattr("ganzoo.evaluator.seed_sampler", lambda *_: lambda seeds: four.samples(list(seeds)).images)
    found = evaluate(ganzoo.load(ring), batch=999)
    assert found["modes"].value == 4 and found["high_quality"].value == pytest.approx(0.989, abs=0.01)
    assert found["reverse_kl"].value == pytest.approx(np.log(2), abs=0.01) and found["reverse_kl"].better == "lower"


def test_points_without_known_modes_and_two_kinds_of_scores_are_refused():
    points = Dataset.from_tensor(torch.zeros(9, 2, 1, 1))
    with pytest.raises(InputError, match="without known modes"):
        resolve_sample_count(points)
    stacks = replace(toy_data(channels=3), name="stacked-digits")
    with pytest.raises(InputError, match="evaluate them in separate calls"):
        resolve_sample_count(stacks, ["kl", "fid"])
    assert (resolve_sample_count(stacks), resolve_sample_count(stacks, ["fid"]), resolve_sample_count(stacks, n=7)) == (
        26_000,
        10_000,
        7,
    )


def test_a_missing_extra_is_said_before_anything_is_read(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_fidelity.metric_fid", None)
    monkeypatch.setattr("ganzoo.evaluator.score_images", lambda *_: pytest.fail("something was read"))
    with pytest.raises(InputError, match="torch-fidelity"):
        evaluate(ganzoo.load(run), extractor=digits(), n=10)
    assert resolve_sample_count(load("digits"), ["coverage"], 10) == 10, "ours do without"


def test_a_slow_extractor_says_how_long_it_will_take(run, capsys):
    for quiet in (True, False):
        evaluate(ganzoo.load(run), metrics=["fid"], extractor=digits(slow=True, sha256="1" * 64), n=30, quiet=quiet)
        said = capsys.readouterr().err
        assert not said if quiet else "tiny on the CPU: about 0 minutes for 30 images" in said


def test_neighbours_say_how_long_they_will_take_too(run, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path))  # where nothing was read before
    nearest_training_images(ganzoo.load(run), extractor=digits(slow=True, sha256="2" * 64), quiet=False)
    assert "minutes for 10,000 images" in capsys.readouterr().err


def test_neighbours_are_rows_of_a_sample_and_the_nearest_training_images(run, monkeypatch):
    """The samples are training images here, so each row begins with an image and its copy."""
    train = load("digits")
    monkeypatch.setattr(
        "ganzoo.evaluator.seed_sampler", lambda *_: lambda seeds: train.samples([7 * s for s in seeds]).images
    )
    picture = nearest_training_images(ganzoo.load(run), extractor=digits())
    side, gap = 32, 2
    assert picture.shape == (1, 10 * (side + gap) + gap, 6 * (side + gap) + gap)
    for row in range(10):
        cells = [picture[:, top : top + side, left : left + side] for left in (2, 36, 70) for top in [2 + row * 34]]
        assert torch.equal(cells[0], cells[1]) and not torch.equal(cells[0], cells[2])


def command(capsys, *arguments) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main([*map(str, arguments)])
    said = capsys.readouterr()
    return stop.value.code or 0, said.out, said.err


def test_the_floors_of_kl_stand_below_the_table(capsys):
    show(
        Evaluation(
            [
                Score("kl", 0.5, 26_000, "lower", details={"kl_floor_uniform": 0.0193, "kl_floor_data": 0.02}),
                Score("modes", 9, 26_000, "higher", details={"k": 3}),
            ],
            {},
        )
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == ["kl@26k, kl_floor_uniform: 0.0193", "kl@26k, kl_floor_data: 0.02"]


def test_the_command_prints_json(run, registered, capsys, tmp_path):
    options = ("-n", 30, "--json", "--metrics", "fid, checkerboard,fid", "--neighbours", tmp_path / "near.png")
    code, out, _ = command(capsys, "evaluate", run, "--data", "digits", *options)
    assert code == 0 and [row["name"] for row in json.loads(out)["scores"]] == [
        "fid-tiny@30/test",
        "checkerboard@30/test",
        "fid-tiny@30/train",
    ]
    assert Image.open(tmp_path / "near.png").size == (206, 342)
    assert command(capsys, "evaluate", run, "--data", "digits", *options, "--scale", 2)[0] == 0
    assert Image.open(tmp_path / "near.png").size == (412, 684)


def test_the_command_prints_a_table(run, registered, capsys):
    code, out, _ = command(capsys, "evaluate", run, "-n", 30)
    assert code == 0 and "30 / 30" in out and "±" in out
    for name in ("fid-tiny@30/test", "class_accuracy-tiny@30", "precision-tiny@30/test"):
        assert name in out, "a name is never cut off"


def test_the_command_counts_modes(ring, capsys):
    assert "--neighbours needs images" in command(capsys, "evaluate", ring, "--neighbours", "x.png")[2]
    code, out, _ = command(capsys, "evaluate", ring, "--data", "ring", "--json")
    assert code == 0 and {"modes", "high_quality", "reverse_kl"} <= json.loads(out).keys()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--metrics", "fdi"], "did you mean 'fid'"),
        (["--neighbours", "x.jpg"], "ends in .png"),
        (["--scale", "2"], "--scale needs --neighbours"),
        (["--extractor", "digits:x"], "takes no file"),
        (["--data", "nothing"], "no data set is called 'nothing'"),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(run, registered, capsys, options, complaint):
    code, _, err = command(capsys, "evaluate", run, "-n", 20, *options)
    assert code == 2 and complaint in err and err.count("\n") == 1


def test_no_extra_is_imported_before_it_is_used():
    """So that ganzoo is imported, and trains, without them."""
    root = Path(ganzoo.__file__).parent
    for path in [root / "evaluator.py", *(root / "evaluation").rglob("*.py")]:
        top = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        names = {
            name for node in top for name in [getattr(node, "module", None), *(a.name for a in node.names)] if name
        }
        assert not {n.split(".")[0] for n in names} & {"torch_fidelity", "timm", "matplotlib", "scipy"}, path
