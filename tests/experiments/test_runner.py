"""Whole comparisons in this process: stop and go, failures, contradictions, tuning, ablation."""

from __future__ import annotations

import math
import re
import shutil
import signal
from dataclasses import replace

import pytest
from safetensors.torch import load_file
from stand_ins import compare, here, how, request, score, shared, without_times, written

from ganzoo.atomic_io import read_json, write_json
from ganzoo.config.migrate import RENAMED
from ganzoo.config.recipes import make_config
from ganzoo.config.schema import with_train
from ganzoo.errors import InputError, Interrupted, TrainingFailed
from ganzoo.evaluation import EXTRACTORS, Score
from ganzoo.evaluation.extractor import default_extractor
from ganzoo.experiments import environment, runner, scoring, worker
from ganzoo.experiments.budget import parse_budget
from ganzoo.experiments.job import Outcome
from ganzoo.experiments.plan import Plan
from ganzoo.experiments.run_summary import Progress
from ganzoo.experiments.spec import settings_of_switches
from ganzoo.json_io import as_table
from ganzoo.training.run_dir import RunDir
from ganzoo.training.trainer import Trainer
from small_runs import small, toy_data
from tiny_extractor import tiny


@pytest.fixture(autouse=True)
def no_report(monkeypatch):
    """The page has tests of its own, and is written for `finished` alone, which is made before this."""
    monkeypatch.setattr(runner, "write_report", lambda results, folder: folder)


def kept(folder):
    """Every file of a folder but the locks, with its content and time."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock"]
    return {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in files}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A comparison of two variants and two seeds that was not stopped."""
    folder = tmp_path_factory.mktemp("finished")
    return folder, compare(request(folder))


def test_a_score_that_is_not_finite_is_null_at_the_floor_too():
    lost = Score("reverse_kl", math.inf, 60, "lower", floor=0.1, floor_n=40, value_at_floor=math.inf)
    none = Score("checkerboard", 1.0, 60, "near 1", floor=math.nan, floor_n=60)
    held = Score("modes", 8, 60, "higher", floor=8, floor_n=60)
    assert worker.floors([lost, none, held]) == {"modes@60": 8}
    at_floor = {name: as_table(each) for name, each in worker.scores_at_floor([lost, none, held]).items()}
    assert at_floor == {"reverse_kl@60": {"n": 40, "floor": 0.1, "value": None}}


def test_the_results_hold_every_cell_with_score_cost_curve_and_grid(finished):
    folder, results = finished
    assert [(c["setting"], c["seed"], c["status"]) for c in results["cells"]] == [
        ("nsgan", 0, "done"),
        ("nsgan", 1, "done"),
        ("wgan", 0, "done"),
        ("wgan", 1, "done"),
    ]
    for cell in results["cells"]:
        assert (folder / "out" / cell["grid"]).is_file() and cell["grid"].endswith("00000003.png")
        assert set(cell["scores"]) == {"mean@4/test", "spread@4/test"}
        assert [point["step"] for point in cell["curve"]] == [1, 2, 3]
        assert cell["cost"]["memory_mib"] > 1 and cell["cost"]["seconds"] > 0
    costs = {c["setting"]: [c["cost"][k] for k in ("d_steps", "g_steps", "images")] for c in results["cells"]}
    assert costs == {"nsgan": [3, 3, 12], "wgan": [3, 3, 12]}, "the batch is 4"
    assert results["protocol"]["seeds"] == [0, 1] and results["protocol"]["set"]["train.batch_size"] == 4
    assert results["floors"] == {"mean@4/test": 0.5}, "a floor at another n does not stand beside the score"
    assert results["cells"][0]["at_floor"] == {"spread@4/test": {"n": 5, "floor": 0.5, "value": 0.7}}
    nothing = {"spread": None, "reference_n": 9, "details": {}}
    assert results["cells"][0]["details"] == {
        "mean@4/test": nothing | {"spread": 0.25},
        "spread@4/test": nothing | {"details": {"lowest": -1.0}},
    }
    assert results["cells"][0]["measured_with"] == {
        "extractor": {"name": "toy", "sha256": "5" * 64},
        "data": {"splits": {}},
    }
    assert {(row["setting"], row["protocol"]) for row in results["summary"]} == {
        (name, metric) for name in ("nsgan", "wgan") for metric in ("mean@4/test", "spread@4/test")
    }
    assert (folder / "out/report.html").is_file() and (folder / "out/table.md").is_file()


def test_a_cell_is_an_ordinary_run(finished):
    folder, results = finished
    run = RunDir(folder / "out" / results["cells"][0]["folder"])
    assert run.config().train.steps == 3 and (run.release / "card.json").is_file() and len(run.records()) == 3
    weights = load_file(run.release / "generator.safetensors")
    learnt = [value.numel() for name, value in weights.items() if "running" not in name and "num_batches" not in name]
    assert results["cells"][0]["cost"]["g_parameters"] == sum(learnt)


def test_the_same_command_again_trains_nothing(finished):
    folder, results = finished
    before = kept(folder / "out/cells")

    def idle(jobs, report):
        assert list(jobs) == []

    assert without_times(compare(request(folder), idle)) == without_times(results)
    assert kept(folder / "out/cells") == before


def test_a_comparison_of_format_1_goes_on(finished, tmp_path):
    """Its configs and `protocol.set` have the former names of keys."""
    folder, results = finished
    shutil.copytree(folder, tmp_path / "old")
    former = {
        new.rpartition(".")[2]: old.rpartition(".")[2] for old, new in RENAMED.items() if old.startswith("train.")
    }
    for path in (tmp_path / "old/out").rglob("*.json"):
        if path.name in ("config.json", "results.json"):
            text = re.sub(r'"((?:train\.)?)(\w+)":', lambda m: f'"{m[1]}{former.get(m[2], m[2])}":', path.read_text())
            path.write_text(text.replace('"format": 2', '"format": 1') if path.name == "config.json" else text)
    assert "train.batch" in read_json(tmp_path / "old/out/results.json")["protocol"]["set"]
    again = compare(
        replace(request(folder), out=tmp_path / "old/out"), lambda jobs, report: pytest.fail() if list(jobs) else None
    )
    assert [cell["scores"] for cell in again["cells"]] == [cell["scores"] for cell in results["cells"]]
    assert again["protocol"]["set"] == results["protocol"]["set"]


def test_falling_rates_end_with_the_budget_or_in_minutes_with_the_recipe(tmp_path):
    tables = shared(tmp_path, **{"train.lr_decay_steps": "all"})
    for budget, until in (("steps=9", "all"), ("minutes=1", make_config("nsgan").train.steps)):
        [cell] = Plan(request(tmp_path, ("nsgan",), tables=tables, budget=budget, seeds=1), how).cells
        assert cell.config.train.lr_decay_steps == until


def test_a_worker_leaves_a_cell_alone_that_another_one_finished(finished):
    """Two commands on one folder: who waited for a cell finds it done."""
    folder, _ = finished
    before = kept(folder / "out/cells")
    for cell in Plan(request(folder), how).cells:
        worker.run_cell(cell.job(), pytest.fail)
    assert kept(folder / "out/cells") == before


def test_stopped_between_cells_and_within_one_it_goes_on_to_the_same_results(finished, tmp_path, monkeypatch):
    folder, whole = finished
    asked = replace(request(folder), out=tmp_path / "out")

    def after_one(jobs, report):
        here(jobs[:1], report)
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="1 of 4 cells finished; run the same command to continue"):
        compare(asked, after_one)
    assert [c["status"] for c in written(asked.out)["cells"]].count("unfinished") == 3

    def within(jobs, report):
        """Ctrl-C in the second step of three."""
        with monkeypatch.context() as patch, pytest.raises(Interrupted):
            patch.setattr(Trainer, "train_step", stop_in_the_second)
            here(jobs, report)
        raise KeyboardInterrupt

    def stop_in_the_second(trainer, step=Trainer.train_step):
        step(trainer)
        if trainer.step == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        compare(asked, within)
    assert [record["step"] for record in RunDir(asked.out / "cells/wgan-s0").records()] == [1, 2]
    begun = []

    def rest(jobs, report):
        begun.extend(job.folder.name for job in jobs)
        here(jobs, report)

    results = compare(asked, rest)
    assert begun == ["wgan-s0", "nsgan-s1", "wgan-s1"]
    assert without_times(results) == without_times(whole) | {"command": results["command"]}


def test_a_diverged_cell_is_finished_counted_named_and_never_repeated(tmp_path):
    asked = request(tmp_path, tables=shared(tmp_path, **{"train.generator.lr": 1e30, "train.discriminator.lr": 1e30}))
    results = compare(asked)
    assert {c["status"] for c in results["cells"]} == {"failed"}
    for cell in results["cells"]:
        findings = RunDir(asked.out / cell["folder"]).findings()
        assert cell["finding"] and cell["scores"] == {} and cell["cost"]["g_steps"] <= 3
        assert not findings or cell["finding"] == findings[-1]["text"]
    assert not results["summary"] and not results["metrics"]
    before = kept(asked.out / "cells")
    assert without_times(compare(asked)["cells"]) == without_times(results["cells"])
    assert kept(asked.out / "cells") == before


def test_one_that_fails_among_others_stays_in_the_table(tmp_path):
    toml = tmp_path / "wild.toml"
    toml.write_text('extends = "nsgan"\n[train.generator]\nlr = 1e30\n[train.discriminator]\nlr = 1e30\n')
    results = compare(request(tmp_path, ("nsgan", str(toml))))
    rows = {row["setting"]: row for row in results["summary"] if row["protocol"].startswith("mean")}
    assert (rows["wild"]["failed"], rows["wild"]["n"], rows["wild"]["rank"]) == (2, 0, None)
    assert (rows["nsgan"]["failed"], rows["nsgan"]["n"], rows["nsgan"]["rank"]) == (0, 2, 1)
    assert "wild" in (tmp_path / "out/table.md").read_text()


def test_seeds_and_variants_are_added_and_what_was_there_stays(finished, tmp_path):
    folder, _ = finished
    asked = replace(request(folder, ("nsgan",), seeds=1), out=tmp_path / "out")
    first = compare(asked)
    before = kept(asked.out / "cells")
    more = compare(replace(request(folder, ("lsgan",), seeds=2), out=asked.out))
    assert [(c["setting"], c["seed"]) for c in more["cells"]] == [("nsgan", 0), ("lsgan", 0), ("lsgan", 1)]
    assert more["cells"][0] == first["cells"][0] and before.items() <= kept(asked.out / "cells").items()
    assert more["command"].startswith("ganzoo compare nsgan lsgan --seeds 2")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"budget": "steps=4"}, "budget.amount: 3 -> 4"),
        ({"budget": "images=40"}, "budget.unit: 'steps' -> 'images'"),
        ({"n": 5}, "protocol.n: 4 -> 5"),
        ({"extractor": "lite0"}, "protocol.extractor: None -> 'lite0'"),
        ({"tables": {"train.batch_size": 5}}, "protocol.set.train.batch_size: 4 -> 5"),
        ({"variants": ("lsgan",), "tables": {"train.batch_size": 5}}, "protocol.set.train.batch_size: 4 -> 5"),
        ({"tables": {"train.threads": 2}}, "protocol.threads: 1 -> 2"),
    ],
)
def test_what_contradicts_the_folder_is_refused_and_nothing_is_changed(finished, change, says):
    folder, _ = finished
    tables = shared(folder, **change.pop("tables", {}))
    before = kept(folder / "out")
    with pytest.raises(InputError) as error:
        compare(request(folder, tables=tables, **change))
    assert says in str(error.value) and "\n" not in str(error.value)
    assert kept(folder / "out") == before


def test_what_was_only_planned_binds_to_nothing(tmp_path):
    asked = request(tmp_path, ("nsgan",), seeds=1, n=7)

    def refused(jobs, report):
        report(jobs[0], Outcome(2, "not so"))

    with pytest.raises(InputError, match="nsgan-s0: not so"):
        compare(asked, refused)
    results = compare(request(tmp_path, ("lsgan",), budget="steps=4", seeds=1))
    assert [(c["setting"], c["status"]) for c in results["cells"]] == [("lsgan", "done")]


def test_what_was_trained_but_not_scored_binds_its_training_and_is_not_repeated(tmp_path, monkeypatch):
    asked = request(tmp_path, ("nsgan",), seeds=1, n=7)

    def unscored(jobs, report):
        here(jobs, report, lambda sampler, **how: pytest.fail("no such score"))

    with pytest.raises(pytest.fail.Exception):
        compare(asked, unscored)
    with pytest.raises(InputError, match=r"budget.unit: 'steps' -> 'minutes'"):
        compare(replace(asked, budget=parse_budget("minutes=1")))
    monkeypatch.setattr(Trainer, "train_step", pytest.fail)
    results = compare(replace(asked, n=5))
    assert list(results["cells"][0]["scores"]) == ["mean@5/test", "spread@5/test"]


def test_a_comparison_that_was_stopped_while_it_tuned_keeps_its_budget_and_plugins(tmp_path):
    asked = request(tmp_path, ("nsgan",), budget="minutes=0.001", seeds=1, tune=2)

    def after_one(jobs, report):
        here(jobs[:1], report)
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="1 of 2 cells finished"):
        compare(asked, after_one)
    before = kept(asked.out)
    with pytest.raises(InputError, match=r"budget.amount: 0.001 -> 0.002"):
        compare(replace(asked, budget=parse_budget("minutes=0.002")))
    with pytest.raises(InputError, match=r"protocol.plugins.mine.py: None -> "):
        compare(replace(asked, plugins={"mine.py": "mine = 1"}))
    assert kept(asked.out) == before
    assert [c["status"] for c in compare(asked)["cells"]] == ["done"]


def test_jobs_and_machine_are_those_of_the_cells_and_not_of_the_last_command(tmp_path, monkeypatch):
    asked = request(tmp_path, ("nsgan",), seeds=1, jobs=2)
    first = compare(asked)
    assert "torch-fidelity" in first["versions"] and first["hardware"]
    monkeypatch.setattr(environment, "hardware_name", lambda: "another machine")
    monkeypatch.setattr(environment, "package_versions", lambda: {"torch": "0"})
    again = compare(replace(asked, jobs=1))
    assert [again[k] for k in ("hardware", "versions", "protocol")] == [
        first[k] for k in ("hardware", "versions", "protocol")
    ]
    more = compare(replace(request(tmp_path, ("lsgan",), seeds=1), out=asked.out))
    assert more["protocol"]["jobs"] == "2 and 1" and more["hardware"] == f"{first['hardware']} and another machine"
    assert more["versions"] == first["versions"] | {"torch": f"{first['versions']['torch']} and 0"}


def test_cells_that_do_not_say_where_they_ran_are_those_of_their_results(tmp_path, monkeypatch):
    """As they were written before they said it."""
    asked = request(tmp_path, ("nsgan",), seeds=1, jobs=2)
    results = compare(asked)
    del results["cells"][0]["ran"]
    write_json(asked.out / "results.json", results | {"hardware": "an old machine"})
    record = read_json(asked.out / "cells/nsgan-s0/cell.json")
    write_json(asked.out / "cells/nsgan-s0/cell.json", {k: v for k, v in record.items() if k != "ran"})
    monkeypatch.setattr(environment, "hardware_name", lambda: "another machine")
    for _ in range(2):
        again = compare(replace(asked, jobs=1))
        assert again["hardware"] == "an old machine" and again["protocol"]["jobs"] == 2
    more = compare(replace(request(tmp_path, ("lsgan",), seeds=1), out=asked.out))
    assert more["hardware"] == "an old machine and another machine"


def test_results_stay_whose_cells_are_gone_until_they_are_planned_again(tmp_path):
    asked = request(tmp_path, ("nsgan",), seeds=1)
    first = compare(asked)
    shutil.rmtree(asked.out / "cells")
    more = compare(replace(request(tmp_path, ("lsgan",), seeds=1), out=asked.out))
    assert more["cells"][0] == first["cells"][0] and more["cells"][1]["status"] == "done"
    assert {row["setting"] for row in more["summary"]} == {"nsgan", "lsgan"} and more["floors"] == first["floors"]
    assert [c["status"] for c in compare(asked, lambda jobs, report: None)["cells"]] == ["unfinished", "done"]


def test_another_about_text_of_a_variant_is_no_other_config(tmp_path):
    toml = tmp_path / "mine.toml"
    toml.write_text('extends = "nsgan"\nabout = "Old words."\n')
    compare(request(tmp_path, (str(toml),), seeds=1))
    toml.write_text('extends = "nsgan"\nabout = "New words."\n')
    (cell,) = compare(request(tmp_path, (str(toml),), seeds=1))["cells"]
    assert cell["status"] == "done"


def test_a_variant_whose_config_changed_is_refused(tmp_path):
    toml = tmp_path / "mine.toml"
    toml.write_text('extends = "nsgan"\n')
    compare(request(tmp_path, (str(toml),), seeds=1))
    toml.write_text('extends = "nsgan"\n[train]\nema_decay = 0.5\n')
    with pytest.raises(InputError, match=r"mine-s0 has other settings \(train.ema_decay: 0.999 -> 0.5\)"):
        compare(request(tmp_path, (str(toml),), seeds=1))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"variants": ("nsgan", "nsgan")}, "nsgan is given twice"),
        ({"variants": ("nsgann",)}, "did you mean 'nsgan'?"),
        ({"seeds": 0}, "--seeds must be at least 1"),
        ({"jobs": 0}, "--jobs must be at least 1"),
        ({"seeds": 10**12}, "--seeds must be at most 10,000"),
        ({"jobs": 10**12}, "--jobs must be at most 1,024"),
        ({"n": 10**12}, "-n must be at most 10,000,000"),
        ({"tune": 10**12}, "--tune must be at most 10,000"),
        ({"tune": 1}, "tuning needs at least 2 draws"),
        ({"budget": "minutes=1", "jobs": 2}, "one cell at a time"),
        ({"tables": {"tricks.packing": True, "train.batch_size": 3}}, "nsgan: trick packing needs a batch"),
        ({"tables": {"train.ratio": "x"}}, "train.ratio"),
        ({"tables": {"seed": 7}}, "--set seed: a comparison uses the seeds 0, 1, 2, ..."),
        ({"tables": {"train.steps": 50}}, "--set train.steps=50 contradicts --budget steps=3"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_written(tmp_path, change, says):
    tables = shared(tmp_path, **change.pop("tables", {}))
    with pytest.raises(InputError) as error:
        compare(request(tmp_path, tables=tables, **change))
    assert says in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_what_a_kill_left_is_no_other_comparison_and_goes(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for name in (".results.json.17", ".table.md.4", ".report.html.17", ".results.lock"):
        (out / name).write_text("{")
    compare(request(tmp_path, ("nsgan",), seeds=1), lambda jobs, report: None)
    (out / "cells/nsgan-s0").mkdir(parents=True)
    (out / "cells/nsgan-s0/.cell.json.17").write_text("{")
    compare(request(tmp_path, ("nsgan",), seeds=1))
    assert {path.name for path in out.rglob(".*")} == {".results.lock", ".nsgan-s0.lock"}


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="is not empty and not a comparison"):
        compare(request(tmp_path))
    with pytest.raises(InputError, match="is a file"):
        compare(request(tmp_path, out="out/thesis.tex"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]


def test_settings_that_see_other_data_are_not_compared(tmp_path):
    toml = tmp_path / "half.toml"
    toml.write_text('extends = "nsgan"\n[data]\nmax_images = 20\n')
    with pytest.raises(InputError, match="nsgan and half differ in data,"):
        compare(request(tmp_path, ("nsgan", str(toml))))


@pytest.fixture
def quick(tmp_path, monkeypatch):
    """A folder with a recipe of either precision, and the variants whose precision is measured, always as bf16."""
    measured = []

    def measure(config, data):
        measured.append((config.variant, config.train.threads))
        return with_train(config, precision="bf16")

    monkeypatch.setattr(scoring, "resolve_precision", measure)
    for name, precision in (("quick", "auto"), ("exact", "float32")):
        text = f'extends = "nsgan"\n[train]\nprecision = "{precision}"\nthreads = 1\n'
        (tmp_path / f"{name}.toml").write_text(text)
    return tmp_path, measured


def of_its_own_precision(folder, *names, **more):
    """A request for the recipes of `quick`, whose precisions it leaves alone."""
    tables = shared(folder)
    tables["train"] = {key: value for key, value in tables["train"].items() if key != "precision"}
    return request(folder, [str(folder / f"{name}.toml") for name in names], tables=tables, **more)


def test_an_automatic_precision_is_measured_once_for_all_cells_and_stays(tmp_path, quick):
    folder, measured = quick
    results = compare(of_its_own_precision(folder, "quick"))
    assert measured == [("quick", 1)]
    assert results["protocol"]["precision"] == results["protocol"]["set"]["train.precision"] == "bf16"
    assert results["command"].count("--set train.precision=bf16") == 1
    assert {RunDir(tmp_path / "out" / cell["folder"]).config().train.precision for cell in results["cells"]} == {"bf16"}
    again = compare(of_its_own_precision(folder, "quick"))
    assert again["cells"] == results["cells"] and again["command"] == results["command"] and len(measured) == 1


def test_an_automatic_precision_follows_a_stated_one(tmp_path, quick):
    folder, measured = quick
    results = compare(of_its_own_precision(folder, "quick", "exact"))
    assert results["protocol"]["precision"] == "float32" and not measured


def test_an_automatic_precision_is_float32_on_a_cluster_which_cannot_be_measured(tmp_path, quick):
    folder, measured = quick
    results = compare(of_its_own_precision(folder, "quick", cluster="local"))
    assert results["protocol"]["precision"] == "float32" and not measured


def test_an_equal_number_of_images_is_an_unequal_number_of_steps(tmp_path):
    (tmp_path / "twice.toml").write_text('extends = "wgan"\n[train]\nratio = "2:1"\n')
    results = compare(request(tmp_path, ("nsgan", str(tmp_path / "twice.toml")), budget="images=20", seeds=1))
    costs = {c["setting"]: [c["cost"][key] for key in ("d_steps", "g_steps", "images")] for c in results["cells"]}
    assert costs == {"nsgan": [5, 5, 20], "twice": [6, 3, 24]}


def test_a_budget_of_minutes_gives_what_one_run_of_so_many_steps_gives(tmp_path):
    minutes = compare(request(tmp_path, ("nsgan",), budget="minutes=0.005", seeds=1))["cells"][0]
    assert minutes["cost"]["seconds"] > 0.98 * 0.3
    steps = minutes["cost"]["g_steps"]
    whole = compare(request(tmp_path, ("nsgan",), out="whole", budget=f"steps={steps}", seeds=1))["cells"][0]
    assert without_times(minutes) == without_times(whole)


def test_scores_in_training_change_no_other_number_and_are_in_the_curve(tmp_path, monkeypatch):
    monkeypatch.setitem(EXTRACTORS, default_extractor(toy_data()), tiny)
    given = {"seeds": 1, "budget": "steps=6"}
    plain = compare(request(tmp_path, out="plain", **given))
    tables = shared(tmp_path, **{"train.eval_every": 3, "train.eval_samples": 10})
    scored = compare(request(tmp_path, out="scored", tables=tables, **given))
    assert plain["summary"] == scored["summary"] and plain["floors"] == scored["floors"]
    for one, other in zip(plain["cells"], scored["cells"], strict=True):
        found = {point["step"]: point["score"] for point in other["curve"]}
        assert [step for step, value in found.items() if value is not None] == [3, 6]
        assert one["curve_score"] is None and other["curve_score"] == "kid-tiny@10/train"
        curve = [point | {"score": None} for point in other["curve"]]
        assert without_times(one) == without_times(other | {"curve": curve, "curve_score": None})


SPEEDS = {
    "even": lambda step: 0.01,
    "slow at first": lambda step: 0.2 if step < 10 else 0.01,
    "slower and slower": lambda step: 0.01 + step * 1e-5,
}


@pytest.mark.parametrize("speed", list(SPEEDS))
def test_slices_end_within_two_per_cent_of_the_minutes(speed, monkeypatch, tmp_path):
    ends = [0]
    monkeypatch.setattr(worker, "start_or_resume", lambda run, config: ends.append(config.train.steps))
    monkeypatch.setattr(worker, "last_counters", lambda run: Progress(step=ends[-1], seconds=spent()))

    def spent():
        return sum(map(SPEEDS[speed], range(ends[-1])))

    worker.train_for(RunDir(tmp_path / "run"), small("nsgan"), 6.0)
    assert 0.98 * 6 < spent() < 1.02 * 6
    assert ends == sorted(set(ends)) and len(ends) < 15


def test_tuning_tries_as_many_draws_for_each_and_scores_the_best_anew(tmp_path):
    seen = []

    def watched(sampler, **options):
        seen.append((sampler.config.variant, sampler.config.seed, options["split"]))
        return score(sampler, **options)

    asked = request(tmp_path, tune=3, seeds=2)
    results = compare(asked, lambda jobs, report: here(jobs, report, watched))
    assert seen[:6] == [(name, 10_000, "train") for name in ("nsgan", "wgan") for _ in range(3)]
    assert sorted(seen[6:]) == [(name, seed, "test") for name in ("nsgan", "wgan") for seed in (0, 1)]
    for setting in results["settings"]:
        told = results["tuning"]["settings"][setting["name"]]
        values = [trial["scores"]["mean@4/train"] for trial in told["trials"]]
        assert told["chosen"] == values.index(min(values)) and len(set(values)) == 3
        overrides = told["trials"][told["chosen"]]["overrides"]
        assert setting["overrides"] == overrides
        run = RunDir(asked.out / f"cells/{setting['name']}-s0").config()
        assert run.train.generator["lr"] == overrides["train.generator.lr"]
    again = compare(asked, lambda jobs, report: here(jobs, report, pytest.fail))
    assert without_times(again) == without_times(results)


def test_tuning_leaves_alone_what_is_set_for_all_and_says_so(tmp_path):
    tables = shared(tmp_path, **{"train.generator.lr": 0.000123})
    asked = request(tmp_path, ("nsgan",), tables=tables, tune=2, seeds=1)
    results = compare(asked)
    for name in ("tune/nsgan-t0", "tune/nsgan-t1", "cells/nsgan-s0"):
        assert RunDir(asked.out / name).config().train.generator["lr"] == 0.000123
    told = results["tuning"]["settings"]["nsgan"]
    assert told["not_drawn"] == {"train.generator.lr": "set by --set"}
    assert all("train.discriminator.lr" in trial["overrides"] for trial in told["trials"])
    players = {f"train.{player}": {"lr": 1e-3, "betas": [0.5, 0.9]} for player in ("generator", "discriminator")}
    tables = shared(tmp_path, **players)
    with pytest.raises(InputError, match="fix every hyperparameter"):
        Plan(request(tmp_path, ("nsgan",), out="none", tables=tables, tune=2), how)


SWITCHES = {"replay": {"tricks.replay": True}, "gp": {"tricks.gp": True}}


def largest(config):
    return ("replay",), {"tricks.replay": True}, {"gp": "batch norm mixes the samples"}


def ablation(folder, names, **more):
    tables = shared(folder)
    settings = tuple(settings_of_switches("nsgan", names, tables, SWITCHES, largest))
    return replace(request(folder, seeds=1), kind="ablate", settings=settings, **more)


def test_an_ablation_has_a_baseline_each_switch_alone_all_and_says_what_is_refused(tmp_path):
    results = compare(ablation(tmp_path, ["replay", "gp", "all"]))
    assert [(s["name"], s["switches"], s["overrides"]) for s in results["settings"]] == [
        ("baseline", [], {}),
        ("replay", ["replay"], {"tricks.replay": True}),
        ("all", ["replay"], {"tricks.replay": True}),
    ]
    assert [c["setting"] for c in results["cells"]] == ["baseline", "replay", "all"]
    assert [r["setting"] for r in results["refused"]] == ["gp", "all without gp"]
    assert "batch norm in D mixes samples" in results["refused"][0]["reason"]
    scores = {c["setting"]: c["scores"]["mean@4/test"] for c in results["cells"]}
    assert scores["replay"] == scores["all"] != scores["baseline"]
    assert results["command"].startswith("ganzoo ablate nsgan --switch replay --switch all --switch gp --seeds 1")


def test_a_switch_that_there_is_not_and_a_baseline_that_does_not_fit_are_refused(tmp_path):
    with pytest.raises(InputError, match="did you mean 'replay'"):
        ablation(tmp_path, ["replya"])
    with pytest.raises(InputError, match="replay is given twice"):
        ablation(tmp_path, ["replay", "replay"])
    tables = shared(tmp_path, **{"tricks.gp": True})
    settings = tuple(settings_of_switches("nsgan", ["replay"], tables, SWITCHES, largest))
    with pytest.raises(InputError, match="baseline: trick gp"):
        Plan(replace(request(tmp_path), settings=settings), how)


def test_a_cell_that_ends_without_a_result_is_tried_again(tmp_path):
    asked = request(tmp_path, ("nsgan",), seeds=1)

    def crash(jobs, report):
        for job in jobs:
            report(job, Outcome(-9))

    with pytest.raises(TrainingFailed, match=r"1 cells ended without a result \(nsgan-s0: exit code -9\)"):
        compare(asked, crash)
    assert [c["status"] for c in written(asked.out)["cells"]] == ["unfinished"]
    assert [c["status"] for c in compare(asked)["cells"]] == ["done"]
