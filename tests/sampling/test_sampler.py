"""One seed is one image."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

import ganzoo
from ganzoo import api
from ganzoo.atomic_io import sha256_hex
from ganzoo.errors import InputError
from ganzoo.sampling import checkpoints
from ganzoo.training import checkpoint
from small_runs import small, toy_data

VIRTUAL = {"generator": {"norm": "virtual", "noise": 0.2, "dropout": 0.2}}


@pytest.fixture(scope="module", params=["nsgan", "infogan", "cgan", "cgan-virtual"])
def run(request, tmp_path_factory):
    variant, _, norm = request.param.partition("-")
    config = small(variant, train={"steps": 3}, networks={"init": "he"} | (VIRTUAL if norm else {}))
    return api.train(config, toy_data(), tmp_path_factory.mktemp("run") / request.param)


def test_an_image_is_the_same_whatever_the_batch(run):
    sampler = ganzoo.load(run)
    together = sampler.sample(9, seed=3)
    assert together.shape == (9, 1, 28, 28) and together.abs().max() <= 1
    alone = torch.cat([sampler.sample(1, seed=s) for s in range(3, 12)])
    pairs = sampler.sample(seeds=range(3, 12), batch=2)
    assert torch.equal(sampler.sample(seeds=torch.arange(3, 12), batch=2), pairs)
    grey_level = 2 / 255
    assert (together - alone).abs().max() < grey_level and (together - pairs).abs().max() < grey_level
    assert together.std(0).max() > 0.01, "seeds differ"


def test_a_release_alone_is_enough(run, tmp_path):
    shutil.copytree(run / "release", tmp_path / "mine")
    assert torch.equal(ganzoo.load(tmp_path / "mine").sample(4), ganzoo.load(run).sample(4))


def test_a_release_is_the_average_and_raw_the_weights_of_the_last_state(run):
    tensors = load_file(checkpoint.saved_states(run / "state")[-1] / "state.safetensors")
    for raw, part in ((False, "average"), (True, "generator")):
        mine = ganzoo.load(run, raw=raw) if not raw else ganzoo.sampling.load(run, raw=True)
        for name, value in mine.generator.state_dict().items():
            assert torch.equal(value, tensors[f"{part}.{name}"])


def test_the_ends_of_a_walk_are_the_images_of_the_seeds(run):
    sampler = ganzoo.load(run)
    classes = [1] if sampler.class_names else None
    walk = sampler.walk([2, 5], 4, classes=classes)
    assert walk.shape == (4, 1, 28, 28)
    if classes:
        with pytest.raises(InputError, match="a walk keeps one class, but 2 are given"):
            sampler.walk([2, 5], 4, classes=[1, 0])
    assert torch.allclose(walk[0], sampler.sample(1, seed=2, classes=classes)[0], atol=1e-5)
    if sampler.latent.code is None and not sampler.config.networks.generator["noise"]:
        assert torch.allclose(walk[-1], sampler.sample(1, seed=5, classes=classes)[0], atol=1e-5)


def test_a_walk_goes_along_a_circle_or_a_line(run):
    """At half the way the two differ by the length of z, which only G could hide."""
    sampler = ganzoo.load(run)
    circle, line = (sampler.walk([2, 5], 3, along=way) for way in ("circle", "line"))
    assert torch.allclose(circle[0], line[0], atol=1e-5) and not torch.allclose(circle[1], line[1], atol=1e-5)
    usual = line if sampler.latent.distribution == "uniform" else circle
    assert torch.equal(sampler.walk([2, 5], 3), usual)
    with pytest.raises(InputError, match="no path of a walk is called 'cricle'; did you mean 'circle'"):
        sampler.walk([2, 5], 3, along="cricle")


GREY_LEVEL = 2 / 255


def test_a_walk_through_several_seeds_passes_them_and_holds_all_but_z(run):
    sampler = ganzoo.load(run)
    walk, few = sampler.walk([2, 5, 9, 2], 4), sampler.walk([2, 5, 9, 2], 4, batch=3)
    assert len(walk) == 10 and (walk - few).abs().max() < GREY_LEVEL
    assert torch.allclose(walk[3], sampler.walk([2, 5], 4)[-1], atol=1e-5)
    assert torch.allclose(walk[0], walk[9], atol=1e-5), "back where it began"


def test_truncated_images_are_the_same_whatever_the_batch(run):
    sampler = ganzoo.load(run)
    if sampler.latent.distribution != "gaussian":
        for draw in (sampler.sample, lambda **k: sampler.walk([0, 1], **k)):
            with pytest.raises(InputError, match="truncation needs Gaussian latents; those of infogan are uniform"):
                draw(truncation=1.0)
        return
    together = sampler.sample(5, truncation=0.5)
    alone = torch.cat([sampler.sample(1, seed=s, truncation=0.5) for s in range(5)])
    assert (together - alone).abs().max() < GREY_LEVEL
    assert not torch.allclose(together, sampler.sample(5), atol=1e-3)
    inputs = sampler.inputs(range(5), truncation=0.5)
    assert inputs.z.abs().max() <= 0.5 and torch.equal(inputs.z.sign(), sampler.inputs(range(5)).z.sign())
    assert torch.allclose(sampler.sample(5, truncation=40.0), sampler.sample(5), atol=1e-4)


def test_a_class_a_row_has_the_same_seeds_in_every_row(run):
    sampler = ganzoo.load(run)
    if not sampler.class_names:
        with pytest.raises(InputError, match="was trained without labels"):
            sampler.sample_per_class([0, 1])
        return
    rows = sampler.sample_per_class([7, 3], [2, 0], batch=3)
    for row, name in enumerate([2, 0]):
        one_by_one = torch.cat([sampler.sample(1, seed=seed, classes=[name]) for seed in (7, 3)])
        assert (rows[2 * row : 2 * row + 2] - one_by_one).abs().max() < GREY_LEVEL
    assert len(sampler.sample_per_class([0])) == 3, "all classes where none is named"
    assert torch.equal(sampler.inputs([7, 3, 7, 3], torch.tensor([2, 2, 0, 0])).z[:2], sampler.inputs([7, 3]).z)


def test_a_code_is_swept_along_each_row(run):
    sampler = ganzoo.load(run)
    if sampler.latent.code is None:
        with pytest.raises(InputError, match="was trained without a code"):
            sampler.traverse("1", [0])
        return
    seeds = [4, 8]
    for name in sampler.code_names:
        rows, few = sampler.traverse(name, seeds), sampler.traverse(name, seeds, batch=3)
        assert rows.shape == (2 * 10, 1, 28, 28) and (rows - few).abs().max() < GREY_LEVEL
        assert rows[:10].std(0).max() > 0.01, "it changes something"
    own = sampler.inputs(seeds).code[:, :10].argmax(1)
    plain, swept = sampler.sample(seeds=seeds), sampler.traverse("category", seeds).view(2, 10, 1, 28, 28)
    assert (swept[[0, 1], own] - plain).abs().max() < GREY_LEVEL, "at its own category a row has the seed's image"
    with pytest.raises(InputError, match="no code is called '3'"):
        sampler.traverse("3", seeds)


def test_labels_are_taken_in_turn_by_number_or_name(tmp_path):
    data = toy_data()
    names = ganzoo.Dataset.from_tensor(data.images, data.labels, ["cat", "dog", "2"])
    sampler = ganzoo.load(api.train(small("acgan", train={"steps": 1}), names, tmp_path / "run"))
    assert sampler.labels(["dog", 0, "2"], 5).tolist() == [1, 0, 2, 1, 0]
    for wrong, says in (("dgo", "did you mean 'dog'"), (3, "'3'"), (-1, "'-1'")):
        with pytest.raises(InputError, match=says):
            sampler.labels([wrong], 1)


def broken(run, tmp_path, change):
    folder = tmp_path / "release"
    shutil.copytree(run / "release", folder)
    leave_out("config_sha256")(folder)  # as in releases of before
    change(folder)
    with pytest.raises(InputError) as error:
        ganzoo.load(folder)
    return str(error.value)


def edit(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def leave_out(*keys):
    def change(folder):
        card = json.loads((folder / "card.json").read_text())
        (folder / "card.json").write_text(json.dumps({k: v for k, v in card.items() if k not in keys}))

    return change


def test_a_release_that_was_tampered_with_is_refused(run, tmp_path):
    weights = "generator.safetensors"
    assert "SHA-256" in broken(run, tmp_path / "1", lambda f: (f / weights).write_bytes(b"x"))
    assert "cannot read" in broken(run, tmp_path / "2", lambda f: (f / weights).unlink())
    assert "not valid JSON" in broken(run, tmp_path / "3", lambda f: (f / "card.json").write_text("{"))
    assert "but this ganzoo reads" in broken(run, tmp_path / "4", lambda f: edit(f / "card.json", format=2))
    assert "does not fit: tensor" in broken(run, tmp_path / "5", lambda f: edit(f / "config.json", latent={"dim": 9}))
    said = broken(run, tmp_path / "7", lambda f: edit(f / "config.json", loss={"name": "nsgan", "wieght": 1}))
    assert "config.json: no config key is called 'loss.wieght'" in said
    said = broken(run, tmp_path / "8", lambda f: edit(f / "config.json", loss={}))
    assert "config.json: loss.name: expected the name of a loss" in said
    assert "card.json is damaged: about is missing; d_steps is missing" in broken(
        run, tmp_path / "9", leave_out("about", "d_steps")
    )
    assert "neither a run nor a release" in broken(run, tmp_path / "6", lambda f: (f / "config.json").unlink())


def test_a_release_whose_config_asks_for_a_network_of_any_size_takes_no_memory(tmp_path):
    run = api.train(small("nsgan", train={"steps": 1}), toy_data(), tmp_path / "run")
    for number, (changed, says) in enumerate(
        [
            ({"latent": {"dim": 2**31 - 1}}, "does not fit: tensor 'decoder"),
            (
                {"networks": {"init": "normal", "generator": {"kernel": 2**31 - 1}}},
                "config.json describes no network that can be built",
            ),
            (
                {"networks": {"init": "normal", "generator": {"width": 10**30}}},
                "config.json: networks.generator.width: input should be",
            ),
            (
                {"networks": {"name": "mlp", "init": "he", "generator": {"depth": 10**9}}},
                "networks.generator.depth: input should be",
            ),
            ({"dataset": None}, "config.json: dataset: missing in the config of a run or release"),
        ]
    ):
        said = broken(run, tmp_path / str(number), lambda f, changed=changed: edit(f / "config.json", **changed))
        assert says in said and "\n" not in said


def test_a_card_covers_the_config_beside_it(run, tmp_path):
    """No edit of it is drawn from, even one that changes no tensor; a card of before covers none."""
    shutil.copytree(run / "release", tmp_path / "release")
    config, card = tmp_path / "release/config.json", tmp_path / "release/card.json"
    text = config.read_text()
    for old, new in (('"seed": 0', '"seed": 1'), ('"batch_size": 4', '"batch_size": 5'), ("{", "{ ")):
        assert old in text
        config.write_text(text.replace(old, new, 1))
        with pytest.raises(
            InputError, match=r"config\.json is damaged: its SHA-256 is not the one that card\.json states"
        ):
            ganzoo.load(tmp_path / "release")
    config.write_text(text.replace('"seed": 0', '"seed": 1', 1))
    leave_out("config_sha256")(tmp_path / "release")
    assert ganzoo.load(tmp_path / "release").config.seed == 1 and "config_sha256" not in card.read_text()


def test_an_edit_of_a_runs_config_changes_no_image(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    config = tmp_path / "run/config.json"
    table = json.loads(config.read_text())
    other = "uniform" if table["latent"]["distribution"] == "gaussian" else "gaussian"
    edit(config, latent=table["latent"] | {"distribution": other})
    assert torch.equal(ganzoo.load(tmp_path / "run").sample(2), ganzoo.load(run).sample(2))
    with pytest.raises(InputError, match=r"was saved with another config\.json \(latent\.distribution"):
        ganzoo.sampling.load(tmp_path / "run", raw=True)


@pytest.mark.parametrize("kind", [torch.int32, torch.float64])
def test_weights_of_another_type_are_not_cast(kind, run, tmp_path):
    def change(folder):
        weights = load_file(folder / "generator.safetensors")
        name = next(name for name, value in weights.items() if value.ndim > 1)
        save_file(weights | {name: weights[name].to(kind)}, folder / "generator.safetensors")
        edit(folder / "card.json", sha256=sha256_hex((folder / "generator.safetensors").read_bytes()))

    assert "expected float32 or float16 or bfloat16" in broken(run, tmp_path, change)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a FIFO is POSIX's")
@pytest.mark.parametrize("name", ["generator.safetensors", "config.json", "card.json"])
def test_a_fifo_in_the_place_of_a_file_of_a_release_is_refused(name, run, tmp_path):
    def change(folder):
        (folder / name).unlink()
        os.mkfifo(folder / name)

    said = broken(run, tmp_path, change)
    assert str(tmp_path / "release") in said and "\n" not in said


def test_a_run_that_has_saved_nothing_says_so(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    shutil.rmtree(tmp_path / "run/release")
    with pytest.raises(InputError, match="has saved nothing yet"):
        ganzoo.load(tmp_path / "run")


def test_a_run_killed_between_two_renames_still_samples(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run/release").rename(tmp_path / "run/.release.old")
    assert torch.equal(ganzoo.load(tmp_path / "run").sample(2), ganzoo.load(run).sample(2))


def test_a_folder_of_something_else_hides_no_release_that_ships(run, tmp_path, monkeypatch):
    shutil.copytree(run / "release", tmp_path / "ships/wgan-mnist")
    monkeypatch.setattr(checkpoints, "RELEASE_FOLDERS", (tmp_path / "ships",))
    monkeypatch.chdir(tmp_path)
    for name in ("wgan-mnist", "wgan", "notes"):
        (tmp_path / name).mkdir()
    assert (
        checkpoints.find_checkpoint("wgan-mnist")
        == checkpoints.find_checkpoint("wgan")
        == tmp_path / "ships/wgan-mnist"
    )
    with pytest.raises(InputError, match="notes is neither a run nor a release"):
        checkpoints.find_checkpoint("notes")


def test_a_number_is_the_class_of_that_name(tmp_path):
    config = small("cgan", train={"steps": 1}, data={"spec": "digits", "classes": ["1", "2", "3"]})
    sampler = ganzoo.load(api.train(config, out=tmp_path / "run"))
    assert sampler.labels([1, 2, 3]).tolist() == [0, 1, 2]
    assert sampler.labels(["1", "2", "3", "1"]).tolist() == [0, 1, 2, 0]
    for number in (0, "0"):
        with pytest.raises(InputError, match=r"no class is called '0', and the class with index 0 .* is called '1'"):
            sampler.labels([number])
    with pytest.raises(InputError, match="no class is called 'nonsense'"):
        sampler.walk([1, 2], classes=["1", "nonsense"])
    with pytest.raises(InputError, match="no class is called '999"):
        sampler.labels(["9" * 5000])


def test_images_that_are_not_finite_are_refused(tmp_path):
    sampler = ganzoo.load(api.train(small("nsgan", train={"steps": 1}), toy_data(), tmp_path / "run"))
    for weight in sampler.generator.parameters():
        weight.fill_(float("nan"))
    with pytest.raises(InputError, match="the image of seed 4 is not finite: the weights of nsgan are corrupted"):
        sampler.sample(2, seed=4)


def test_a_release_that_is_replaced_while_it_is_read_is_read_once_more(tmp_path, monkeypatch):
    run = api.train(small("nsgan", train={"steps": 1}), toy_data(), tmp_path / "run")
    read, calls = checkpoints.read_table, []

    def between(path, schema):
        calls.append(path)
        return read(path, schema) | ({"sha256": "that of the last one"} if len(calls) == 1 else {})

    monkeypatch.setattr(checkpoints, "read_table", between)
    assert ganzoo.load(run).sample(1).shape == (1, 1, 28, 28) and len(calls) == 2


@pytest.mark.parametrize(
    ("change", "named"),
    [({"steps": "many"}, "steps"), ({"shape": 3}, "shape"), ({"scores": [{"name": "fid"}]}, "scores")],
)
def test_a_damaged_card_is_named(change, named, tmp_path):
    run = api.train(small("nsgan", train={"steps": 1}), toy_data(), tmp_path / "run")
    path = run / "release/card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=rf"card\.json is damaged: {named}[.:]"):
        ganzoo.load(run)
