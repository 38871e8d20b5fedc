"""`benchmarks/atlas.py`: its plan can be trained, what it plants is there, and its runs become an atlas and a table."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from made_up import collapsed, curves, exploded, small_atlas
from PIL import Image

from ganzoo import api
from ganzoo.atlas.compare import compare
from ganzoo.atlas.store import Run, loss_of, read_atlas
from ganzoo.builder import build_modules, make_latent, make_loss, resolve_config
from ganzoo.config import compatibility
from ganzoo.config.recipes import make_config
from ganzoo.data import BatchLoader, Dataset
from ganzoo.latent import Latent
from ganzoo.losses import LOSSES, Loss
from ganzoo.networks import Generator
from ganzoo.run_data import load_dataset
from small_runs import small, toy_data

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PATCHED = [
    (Latent, "draw"),
    (Loss, "__init__"),
    (Dataset, "samples"),
    (api, "load_dataset"),
    (BatchLoader, "next"),
    (Generator, "__init__"),
    (compatibility, "_check_penalties"),
]


@pytest.fixture
def atlas(monkeypatch) -> ModuleType:
    """The script."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import atlas

    return atlas


@pytest.fixture
def planted(atlas, monkeypatch) -> ModuleType:
    """The failures that are planted by patches, which the end of the test takes back."""
    for owner, name in PATCHED:
        monkeypatch.setattr(owner, name, getattr(owner, name))
    return sys.modules["planted"]


def test_the_plan_has_every_recipe_and_twenty_failures_on_another_loss_too(atlas):
    plan = atlas.Plan.read()
    recipes = {p.stem for p in (BENCHMARKS.parent / "zoo_configs").glob("*.toml")}
    assert set(plan.healthy["recipes"]) == recipes - {"photos"}, "which has no data of its own"
    assert len(plan.failures) == len(plan.failure) >= 20
    for each in plan.failure:
        assert each["recipe"] != each["other"] and each["cause"] and each["remedy"]
    cells = plan.cells()
    assert len({cell.folder(Path("runs")) for cell in cells}) == len(cells)
    assert len([cell for cell in cells if cell.kind == "held-out" and not cell.failure]) >= 17
    assert {cell.spoil for cell in cells} - {""} == set(sys.modules["planted"].SPOIL)
    assert not set(plan.healthy["seeds"]) & set(plan.healthy["held_out"])


def test_every_run_of_the_plan_can_be_trained(atlas, planted):
    """Color data are stood in for by noise of the same shape."""
    stand_in = {name: toy_data(64, 32, channels, 10) for name, channels in (("digits", 1), ("cifar10", 3))}
    for cell in atlas.Plan.read().cells():
        if cell.seed not in (0, 10):
            continue
        if cell.spoil == "unchecked":
            planted.SPOIL["unchecked"]()
        config = cell.config().model_copy(update={"data": cell.config().data.model_copy(update={"labelled": None})})
        spec = cell.settings.get("data.spec", "digits")
        resolve_config(config, stand_in[spec] if spec in stand_in else load_dataset(config))


def test_a_pyramid_has_a_band_of_its_own():
    data = toy_data(40, 32)
    names = [loss_of(resolve_config(make_config(variant), data)) for variant in ("lapgan", "nsgan", "cgan")]
    assert names == ["nsgan pyramid", "nsgan", "nsgan"]


def batches(n: int = 2) -> list[torch.Tensor]:
    loader = BatchLoader(toy_data(), seed=0)
    return [loader.next(4).images for _ in range(n)]


def test_reals_in_another_range(planted):
    assert batches(1)[0].min() < 0
    planted.SPOIL["unit-range"]()
    assert 0 <= batches(1)[0].min() < 0.1 and batches(1)[0].max() <= 1


def test_the_same_batch_again(planted):
    one, two = batches()
    assert not torch.equal(one, two)
    planted.SPOIL["same-batch"]()
    one, two = batches()
    assert torch.equal(one, two)


def test_labels_in_another_order(planted, monkeypatch):
    monkeypatch.setattr(api, "load_dataset", lambda *_: toy_data())
    planted.SPOIL["wrong-labels"]()
    data = api.load_dataset(None)
    assert data.digest == toy_data().digest and sorted(data.labels) == sorted(toy_data().labels)
    assert (data.labels != toy_data().labels).any()


def test_a_dead_g_and_one_without_noise_make_one_image(planted):
    def made() -> torch.Tensor:
        config = resolve_config(small("nsgan"), toy_data())
        return build_modules(config).generator(torch.randn(8, 8), None)

    assert made().std(0).max() > 1e-3
    planted.SPOIL["dead-relu"]()
    assert made().std(0).max() < 1e-6
    planted.SPOIL["no-noise"]()
    config = resolve_config(small("nsgan"), toy_data())
    assert not make_latent(config, make_loss(config)).draw(4, None, torch.device("cpu")).z.any()


@pytest.mark.parametrize("loss", ["nsgan", "acgan", "hinge"])
def test_g_s_loss_with_the_wrong_sign(loss, planted):
    from ganzoo.batch import DiscriminatorOutput

    labels = torch.arange(4) % 3
    fake = DiscriminatorOutput(torch.zeros(4, 1, 2, 2), labels, score=torch.randn(4), class_logits=torch.randn(4, 3))
    right = LOSSES[loss]().g_loss(None, fake)
    planted.SPOIL["wrong-sign"]()
    wrong = LOSSES[loss]().g_loss(None, fake)
    assert right.keys() == wrong.keys() and all(torch.equal(right[name], -wrong[name]) for name in right)


def test_a_run_that_fails_is_finished_and_one_that_was_stopped_is_resumed(planted, tmp_path, monkeypatch):
    monkeypatch.setattr(planted, "NAN_AT", 3)
    monkeypatch.setattr(api, "load_dataset", lambda *_: toy_data())
    config = small("nsgan", train={"steps": 5}, data={"spec": "digits"})
    planted.train(tmp_path / "run", config, "nan")
    ended = json.loads((tmp_path / "run/outcome.json").read_text())
    assert "step 3" in ended and "NaN" in ended
    log = (tmp_path / "run/metrics.jsonl").read_bytes()
    planted.train(tmp_path / "run", config)
    assert (tmp_path / "run/metrics.jsonl").read_bytes() == log


def test_its_runs_become_an_atlas_and_a_table(atlas, tmp_path, monkeypatch, capsys):
    import confusion

    from ganzoo.atlas import store

    flat = {"networks.generator.width": 4, "networks.discriminator.width": 4, "latent.dim": 8, "train.batch_size": 4}
    flat |= {"train.steps": 4, "train.log_every": 1, "train.device": "cpu", "data.max_images": 40}
    monkeypatch.setattr(atlas, "OWN", atlas.OWN | flat)
    failure = {"name": "idle", "cause": "no rate", "remedy": "a rate", "recipe": "nsgan", "other": "lsgan"}
    failure |= {"settings": {"train.generator.lr": 1e-12}}
    healthy = {"recipes": ["nsgan", "lsgan"], "data": ["digits"], "seeds": [0], "held_out": [10]}
    sick = {"seeds": [0], "held_out": [10], "settings": {"train.steps": 4}}
    plan = atlas.Plan(healthy, sick, [failure])
    for cell in plan.cells():
        atlas.train(cell, tmp_path)
    assert sorted(p.parent.parent.name for p in tmp_path.rglob("outcome.json")) == sorted(c.kind for c in plan.cells())
    made = atlas.atlas_of(plan, plan.cells(), tmp_path)
    assert [(each.loss, each.data, each.runs) for each in made.healthy] == [
        ("lsgan", "digits", 1),
        ("nsgan", "digits", 1),
    ]
    assert [(each.name, each.remedy) for each in made.sick] == [("idle", "a rate")]
    found = atlas.trials(made, plan.cells(), tmp_path)
    assert sorted(each.failure for each in found) == ["", "", "idle"]
    page, file = tmp_path / "atlas.md", tmp_path / "atlas.json.xz"
    page.write_text("# Mine\n<!-- tables -->\nold")
    monkeypatch.setattr(confusion, "PAGE", page)
    monkeypatch.setattr(confusion, "RESULTS", tmp_path / "atlas.json")
    results = confusion.Results(found, atlas.core_hours(plan.cells(), tmp_path))
    assert 0 < results.core_hours < 0.1
    confusion.write(made, results)
    assert confusion.read_results() == results
    took = "# Mine\n<!-- tables -->\n\nAll runs, those of the test included, took 0.0 core-hours.\n\n2 bands:"
    assert page.read_text().startswith(took) and "old" not in page.read_text()
    monkeypatch.setattr(atlas.atlas_page, "PICTURES", tmp_path / "pictures")
    atlas.keep_pictures(plan.cells(), tmp_path)
    (tmp_path / "pictures/idle-nsgan-digits-00000009.webp").touch()  # of an earlier, longer run
    atlas.keep_pictures(plan.cells(), tmp_path)
    kept = [atlas.atlas_page.pictures(each) for each in (*made.healthy, *made.sick)]
    assert [[each["step"] for each in some] for some in kept] == [[1, 2, 4]] * 3
    assert len([*(tmp_path / "pictures").iterdir()]) == 9
    with Image.open(min((tmp_path / "pictures").iterdir())) as sheet:
        assert (sheet.format, sheet.size) == ("WEBP", (274, 138))
    store.write_atlas(made, file)
    assert read_atlas(file) == made


def test_the_table_counts_what_is_named_and_what_is_alarmed_falsely(atlas):
    from confusion import table, trial

    made = small_atlas()
    runs = [("exploded", exploded), ("collapsed", collapsed), ("exploded", None), ("", None), ("", exploded)]
    found = [trial(made, name, 3, Run("wgan", "digits", 1000, curves(seed=3, change=each))) for name, each in runs]
    text = table(found)
    assert "2 of 3 held-out failures, of 2 kinds, are among the first 3 (2 are the first); 1 of 2 healthy runs" in text
    assert text.splitlines()[0].endswith("not passed.")
    assert "| exploded | wgan on digits, seed 3 | yes | exploded (" in text
    assert "| exploded | wgan on digits, seed 3 | **no alarm** |" in text
    assert "| healthy | wgan on digits, seed 3 | **no** | exploded (" in text


NAMED = {
    "D far ahead, soft target": "D far too strong, soft targets",
    "rates of 1000": "rates of 1000",
    "100 digits": "a hundred images memorized",
}


def test_second_seeds_of_recorded_failures_are_named_and_no_recorded_healthy_run_is(atlas):
    import recorded

    made = read_atlas()
    second = [log for log in recorded.failing() if log.seed and log.cell in NAMED]
    assert {log.cell for log in second} == NAMED.keys()
    for log in second:
        found = compare(made, log.run.curves, log.run.loss, log.run.data, log.run.steps)
        assert found.is_like_failure and NAMED[log.cell] in [sick.name for sick, _ in found.nearest]
    for log in recorded.healthy():
        found = compare(made, log.run.curves, log.run.loss, log.run.data, log.run.steps)
        assert not found.is_like_failure, (log.cell, log.seed)
