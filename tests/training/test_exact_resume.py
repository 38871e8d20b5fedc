"""N + resume + N steps give the bytes of 2N, for every variant and every switch."""

import itertools
import json
import shutil

import pytest

from ganzoo import api
from ganzoo.config.recipes import make_config, variants
from ganzoo.config.schema import Config, with_train
from ganzoo.config.tables import merge
from ganzoo.config.techniques import technique_settings, techniques, trick_switch
from ganzoo.errors import InputError
from ganzoo.experiments.technique_sets import largest_compatible_set
from ganzoo.training import checkpoint
from ganzoo.training.run_dir import RunDir
from ganzoo.tricks import TRICKS
from small_runs import small, switched, toy_data

LAPTOP = [name for name in variants() if "/" not in name and name != "photos"]  # that is nsgan with a trick
# An autoencoding D has upsampling of its own, for which a kernel of 5 is odd.
pytestmark = pytest.mark.filterwarnings("ignore:a transposed convolution with kernel 5")

FIRST = """
    real-label-0 sphere-latent layer-norm leaky-relu pixelshuffle pool kernel-5 one-sided-smoothing
    label-noise replay past-players two-d-steps warmup thresholds ttur sgd-d decay orthogonal-init gp dragan-gp r1 r2 labels
    instance-noise noise-in-g dropout-in-g feature-matching historical-averaging augment flip
""".split()
SECOND = """
    uniform-latent virtual-norm nearest soft-labels he-init minibatch-discrimination packing linear-output no-average
    real-label-0 leaky-relu pool kernel-5 label-noise replay past-players two-d-steps warmup thresholds
    ttur sgd-d decay instance-noise noise-in-g dropout-in-g feature-matching historical-averaging augment flip
""".split()
BEGINNINGS = {"first": [], "second": SECOND[:9]}
"""What is tried before the others, in the order of the table."""
NO_TARGETS = {"real-label-0", "one-sided-smoothing", "soft-labels"}
PENALTIES = {"gp", "dragan-gp", "r1", "r2"}
MIXING = {"minibatch-discrimination"}
LACKING = {  # options that R3GAN's network does not have
    "dropout-in-g", "kernel-5", "layer-norm", "leaky-relu", "nearest", "noise-in-g", "pixelshuffle", "pool", "virtual-norm"
}  # fmt: skip
REFUSED = {  # of either set, and what takes the place of the refused
    "acgan": ({"label-noise", "packing", "virtual-norm", "labels"}, {"layer-norm", "projection"}),
    "began": ({"packing"} | NO_TARGETS | PENALTIES, {"labels", "minibatch-stddev"}),
    "cgan": ({"packing"}, {"labels"}),
    "coulomb": (NO_TARGETS | {"labels"}, {"packing"}),
    "dragan": ({"dragan-gp"} | MIXING, PENALTIES - {"dragan-gp"}),
    "ebgan": ({"packing"} | NO_TARGETS | PENALTIES, {"labels", "minibatch-stddev"}),
    "hinge": (NO_TARGETS, set()),
    "infogan": ({"label-noise", "packing"}, {"labels"}),
    "lapgan": ({"augment", "dragan-gp", "gp", "kernel-5", "nearest", "packing", "pixelshuffle", "pool"}, {"labels"}),
    "lsgan": (NO_TARGETS, set()),
    "r3gan": (NO_TARGETS | MIXING | LACKING, PENALTIES),
    "rahinge": (NO_TARGETS, set()),
    "ralsgan": (NO_TARGETS, set()),
    "rpgan": (NO_TARGETS | MIXING, PENALTIES),
    "ssgan": ({"feature-matching", "label-noise", "labels", "packing"} | NO_TARGETS | PENALTIES, {"minibatch-stddev"}),
    "vaegan": ({"labels", "sphere-latent", "uniform-latent", "virtual-norm"} | NO_TARGETS, {"layer-norm", "packing"}),
    "wgan": (NO_TARGETS, set()),
    "wgan-gp": ({"gp"} | NO_TARGETS | MIXING, PENALTIES - {"gp"}),
}
THE_REST = [
    ["resnet"],
    ["batch-norm", "projection", "minibatch-stddev"],
    ["instance-norm"],
    ["no-norm"],
    ["spectral-norm", "r1"],
    ["constant-lr"],
]
"""The switches that are in neither set, some with one that they are likely to meet."""
LISTED = {*FIRST, *SECOND, *itertools.chain(*THE_REST)}
THE_REST += [  # a trick of a later day
    ["no-norm", trick_switch(name)] if trick.per_sample_gradients else [trick_switch(name)]
    for name, trick in TRICKS.items()
    if trick_switch(name) not in LISTED
]
USUAL = [name for row in techniques() for name in row.on if name in LISTED - {"resnet"}]  # which is slow


def legal(variant: str, which: str) -> tuple[str, ...]:
    """A largest legal set of switches of a variant, as the function finds it."""
    names = dict.fromkeys([*BEGINNINGS[which], *USUAL])
    return largest_compatible_set(small(variant), toy_data(), names)[0]


@pytest.mark.parametrize("which", BEGINNINGS)
@pytest.mark.parametrize("variant", LAPTOP)
def test_the_largest_legal_sets_are_those_written_down(variant, which):
    refused, instead = REFUSED.get(variant, (set(), set()))
    written = set(FIRST if which == "first" else SECOND)
    found = set(legal(variant, which))
    assert found >= written - refused
    assert not found & (refused - instead) and found <= (written - (refused - instead)) | instead


def test_every_switch_is_in_a_set():
    assert {*FIRST, *SECOND, *itertools.chain(*THE_REST)} == technique_settings().keys()


def with_steps(config: Config, steps: int) -> Config:
    return config.model_copy(update={"train": config.train.model_copy(update={"steps": steps})})


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*.safetensors"))}


def without_times(records):
    return [{k: v for k, v in r.items() if k not in ("seconds", "images_per_second")} for r in records]


def assert_exact(variant: str, tables: dict, folder) -> None:
    """Four steps at once leave the files of two and two."""
    config, data = small(variant, **tables), toy_data(size=16)
    whole = api.train(with_steps(config, 4), data, folder / "whole")
    parts = api.train(with_steps(config, 2), data, folder / "parts")
    api.resume(parts, with_steps(RunDir.open(parts).config(), 4), data)
    shutil.rmtree(parts / "state" / "00000002")
    assert files(parts) == files(whole)
    assert without_times(RunDir(parts).records()) == without_times(RunDir(whole).records())
    assert (parts / "samples/00000004.png").read_bytes() == (whole / "samples/00000004.png").read_bytes()


@pytest.mark.parametrize("which", ["as-shipped", "first", "second"])
@pytest.mark.parametrize("variant", LAPTOP)
def test_a_resumed_run_has_the_bytes_of_one_that_was_not_stopped(variant, which, tmp_path):
    g_batch = {"train": {"g_batch_multiple": 2 if which == "first" else 1}}  # minibatch discrimination takes none but 1
    tables = {} if which == "as-shipped" else merge(switched(legal(variant, which)), g_batch)
    assert_exact(variant, tables, tmp_path)


def test_a_log_that_is_resumed_while_d_rests_says_what_d_said_last(tmp_path):
    assert_exact("nsgan", {"train": {"ratio": "1:4", "log_every": 1}}, tmp_path)


def test_k_goes_on_while_d_rests_by_the_reals_that_d_saw_last(tmp_path):
    assert_exact("began", {"train": {"ratio": "1:4"}, "loss": {"lambda_k": 0.5}}, tmp_path)


@pytest.mark.parametrize("names", THE_REST, ids=" ".join)
def test_so_have_the_switches_that_are_in_no_largest_set(names, tmp_path):
    assert_exact("nsgan", switched(names), tmp_path)


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
    assert without_times(RunDir(killed).records()) == without_times(RunDir(whole).records())
    assert not list(killed.rglob(".*"))


def test_a_damaged_state_is_passed_over_for_the_one_before(tmp_path, capsys):
    config, data = small("nsgan", train={"save_every": 2}), toy_data()
    run = api.train(with_steps(config, 4), data, tmp_path / "run")
    whole = files(run)
    damaged = run / "state/00000004/state.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    api.resume(run, data=data, quiet=False)
    assert files(run) == whole
    assert f"skipped: {damaged} is damaged" in capsys.readouterr().err


def spoil(run):
    for state in checkpoint.saved_states(run / "state"):
        (state / "state.safetensors").write_bytes(b"x")


@pytest.mark.parametrize("lose", [spoil, lambda run: shutil.rmtree(run / "state")], ids=["damaged", "gone"])
def test_a_run_whose_states_are_all_lost_is_refused_and_stays_as_it_is(lose, tmp_path):
    data = toy_data()
    run = api.train(with_steps(small("nsgan", train={"save_every": 1}), 2), data, tmp_path / "run")
    lose(run)
    before = files(run), (run / "metrics.jsonl").read_bytes()
    with pytest.raises(InputError, match=r"no usable state \(.*state.*\). Nothing was changed"):
        api.resume(run, data=data)
    assert before == (files(run), (run / "metrics.jsonl").read_bytes())


def test_a_run_that_had_saved_nothing_begins_anew(tmp_path):
    data = toy_data()
    run = api.train(with_steps(small("nsgan"), 2), data, tmp_path / "run")
    whole = files(run)
    shutil.rmtree(run / "state")
    shutil.rmtree(run / "release")
    api.resume(run, data=data)
    assert files(run) == whole


def test_two_states_are_kept(tmp_path):
    config = small("nsgan", train={"save_every": 1})
    run = api.train(with_steps(config, 5), toy_data(), tmp_path / "run")
    assert [p.name for p in checkpoint.saved_states(run / "state")] == ["00000004", "00000005"]


def test_a_copy_of_a_state_that_the_user_keeps_beside_them_stays(tmp_path):
    config, data = small("nsgan", train={"save_every": 1}), toy_data()
    run = api.train(with_steps(config, 1), data, tmp_path / "run")
    shutil.copytree(run / "state/00000001", run / "state/00000001-best")
    api.resume(run, with_steps(RunDir.open(run).config(), 4), data)
    assert sorted(p.name for p in (run / "state").iterdir()) == ["00000001-best", "00000003", "00000004"]


@pytest.mark.parametrize("key", ["sha256", "counters", "seconds"])
def test_facts_of_a_state_that_lack_a_key_are_damaged(key, tmp_path):
    run = api.train(with_steps(small("nsgan"), 1), toy_data(), tmp_path / "run")
    facts = json.loads((run / "state/00000001/state.json").read_text())
    del facts[key]
    (run / "state/00000001/state.json").write_text(json.dumps(facts))
    with pytest.raises(InputError, match=rf"00000001/state\.json is damaged: {key} is missing"):
        api.resume(run, data=toy_data())


def test_another_about_text_is_taken_at_a_resume(tmp_path):
    data = toy_data()
    run = api.train(with_steps(small("lsgan"), 1), data, tmp_path / "run")
    config = with_steps(RunDir.open(run).config(), 2).model_copy(update={"about": "New words."})
    assert RunDir.open(api.resume(run, config, data)).config() == config


def test_a_changed_config_is_refused_with_the_difference(tmp_path):
    data = toy_data()
    run = api.train(with_steps(small("lsgan"), 2), data, tmp_path / "run")
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    config = RunDir.open(run).config()
    other = config.model_copy(update={"seed": 1, "loss": config.loss | {"a": -1.0}})
    with pytest.raises(InputError, match=r"loss\.a: 0\.0 -> -1\.0; seed: 0 -> 1"):
        api.resume(run, other, data)
    with pytest.raises(InputError, match=r"a resume cannot lower train\.steps: 2 -> 1"):
        api.resume(run, with_steps(config, 1), data)
    with pytest.raises(InputError, match="are not the data that"):
        api.resume(run, data=toy_data(n=41))
    assert before == {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}


def test_a_run_may_go_on_on_another_device_if_that_is_there(tmp_path):
    data = toy_data()
    run = api.train(with_steps(small("lsgan"), 2), data, tmp_path / "run")
    gone = with_train(RunDir.open(run).config(), device="cuda:99")
    RunDir.open(run).write_config(gone)
    with pytest.raises(InputError, match="device 'cuda:99' is not available here"):
        api.resume(run, with_steps(gone, 4), data)
    api.resume(run, with_train(with_steps(gone, 4), device="cpu"), data)
    assert RunDir.open(run).config().train.device == "cpu" and RunDir.open(run).records()[-1]["step"] == 4


def test_a_newer_format_is_refused(tmp_path):
    run = api.train(with_steps(small("nsgan"), 1), toy_data(), tmp_path / "run")
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"format": 3}))
    with pytest.raises(InputError, match="format 3, but this ganzoo reads"):
        api.resume(run, data=toy_data())


def test_a_wrong_table_in_the_config_of_a_run_is_refused(tmp_path):
    run = api.train(with_steps(small("nsgan"), 1), toy_data(), tmp_path / "run")
    config = json.loads((run / "config.json").read_text())
    config["train"]["generator"]["lrr"] = 1
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"config\.json: no config key is called 'train\.generator\.lrr'"):
        api.resume(run, data=toy_data())


def test_a_run_is_never_overwritten(tmp_path):
    run = api.train(with_steps(small("nsgan"), 1), toy_data(), tmp_path / "run")
    with pytest.raises(InputError, match=f"contains a run; resume it with --resume {run}"):
        api.train(with_steps(small("nsgan"), 1), toy_data(), run)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="not an empty folder"):
        api.train(small("nsgan"), toy_data(), tmp_path / "mine")


def test_the_defaults_are_not_shared_between_configs():
    assert make_config("nsgan") == make_config("nsgan") and make_config("nsgan") != make_config("lsgan")
