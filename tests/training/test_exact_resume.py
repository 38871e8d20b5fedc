"""N + resume + N steps give the bytes of 2N, for every variant."""

import json
import shutil

import pytest

from ganzoo import TRICKS, api
from ganzoo.config import Config
from ganzoo.errors import InputError
from ganzoo.recipes import make, variants
from ganzoo.training import checkpoint
from ganzoo.training.run import Run
from small_runs import small, toy_data

LAPTOP = [name for name in variants() if "/" not in name]
SWITCHES = {
    "train": {"ratio": "3:2", "g_batch": 2, "decay_steps": 9},
    "data": {"flip": True},
}


EVERY_TRICK = {name: True for name in TRICKS} | {"instance_noise": {"steps": 4}, "r1": {"every": 2}}
NEEDS_SCORE = ("r1", "r2", "gp", "dragan_gp")
REFUSED = {
    "wgan-gp": {"gp"},
    "dragan": {"dragan_gp"},
    "ebgan": {*NEEDS_SCORE, "packing"},
    "began": {*NEEDS_SCORE, "packing"},
    "acgan": {"label_noise", "packing"},
    "infogan": {"label_noise", "packing"},
    "cgan": {"packing"},
}


def largest_legal(variant: str) -> dict:
    """Every trick that the variant allows, at once; the penalties want a D that does not mix samples."""
    tricks = {name: value for name, value in EVERY_TRICK.items() if name not in REFUSED.get(variant, ())}
    return {"tricks": tricks, "networks": {"discriminator": {"norm": "layer"}}}


def with_steps(config: Config, steps: int) -> Config:
    return config.model_copy(update={"train": config.train.model_copy(update={"steps": steps})})


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*.safetensors"))}


def without_times(records):
    return [{k: v for k, v in r.items() if k not in ("seconds", "images_per_second")} for r in records]


@pytest.mark.parametrize("tables", [{}, SWITCHES, None], ids=["as-shipped", "switches", "largest-legal"])
@pytest.mark.parametrize("variant", LAPTOP)
def test_a_resumed_run_has_the_bytes_of_one_that_was_not_stopped(variant, tables, tmp_path):
    tables = largest_legal(variant) if tables is None else tables
    config, data = small(variant, **tables), toy_data()
    whole = api.train(with_steps(config, 6), data, tmp_path / "whole")
    parts = api.train(with_steps(config, 3), data, tmp_path / "parts")
    api.resume(parts, with_steps(Run.open(parts).config(), 6), data)
    shutil.rmtree(parts / "state" / "00000003")
    assert files(parts) == files(whole)
    assert without_times(Run(parts).records()) == without_times(Run(whole).records())
    assert (parts / "samples/00000006.png").read_bytes() == (whole / "samples/00000006.png").read_bytes()


def test_what_was_done_after_the_last_state_is_done_again(tmp_path):
    """The state after a kill -9: a log ahead of the state, a half-written state, a release between two renames."""
    config, data = small("began", train={"save_every": 2}), toy_data()
    whole = api.train(with_steps(config, 6), data, tmp_path / "whole")
    killed = api.train(with_steps(config, 6), data, tmp_path / "killed")
    shutil.rmtree(killed / "state/00000006")
    (killed / "state/.00000006.new").mkdir()
    (killed / "state/.00000006.new/state.safetensors").write_bytes(b"half")
    (killed / "release").rename(killed / ".release.old")
    with (killed / "metrics.jsonl").open("a") as log:
        log.write('{"step": 7, "ter')
    api.resume(killed, data=data)
    assert files(killed / "release") == files(whole / "release")
    assert files(killed / "state") == files(whole / "state")
    assert without_times(Run(killed).records()) == without_times(Run(whole).records())
    assert not list(killed.rglob(".*"))


def test_a_damaged_state_is_passed_over_for_the_one_before(tmp_path):
    config, data = small("nsgan", train={"save_every": 2}), toy_data()
    run = api.train(with_steps(config, 4), data, tmp_path / "run")
    whole = files(run)
    damaged = run / "state/00000004/state.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    api.resume(run, data=data)
    assert files(run) == whole


def test_two_states_are_kept(tmp_path):
    config = small("nsgan", train={"save_every": 1})
    run = api.train(with_steps(config, 5), toy_data(), tmp_path / "run")
    assert [p.name for p in checkpoint.states(run / "state")] == ["00000004", "00000005"]


def test_a_changed_config_is_refused_with_the_difference(tmp_path):
    data = toy_data()
    run = api.train(with_steps(small("lsgan"), 2), data, tmp_path / "run")
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    config = Run.open(run).config()
    other = config.model_copy(update={"seed": 1, "loss": config.loss | {"a": -1.0}})
    with pytest.raises(InputError, match=r"loss\.a: 0\.0 -> -1\.0; seed: 0 -> 1"):
        api.resume(run, other, data)
    with pytest.raises(InputError, match="can only be raised at a resume: 2 -> 1"):
        api.resume(run, with_steps(config, 1), data)
    with pytest.raises(InputError, match="have changed since"):
        api.resume(run, data=toy_data(n=41))
    assert before == {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}


def test_a_newer_format_is_refused(tmp_path):
    run = api.train(with_steps(small("nsgan"), 1), toy_data(), tmp_path / "run")
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"format": 2}))
    with pytest.raises(InputError, match="format 2, newer than this ganzoo reads"):
        api.resume(run, data=toy_data())


def test_a_run_is_never_overwritten(tmp_path):
    run = api.train(with_steps(small("nsgan"), 1), toy_data(), tmp_path / "run")
    with pytest.raises(InputError, match=f"holds a run; go on with --resume {run}"):
        api.train(with_steps(small("nsgan"), 1), toy_data(), run)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="not an empty folder"):
        api.train(small("nsgan"), toy_data(), tmp_path / "mine")


def test_the_defaults_are_not_shared_between_configs():
    assert make("nsgan") == make("nsgan") and make("nsgan") != make("lsgan")
