"""Every JSON file that is read, in many wrong forms: accepted, or refused in one line, and nothing else."""

from __future__ import annotations

import ast
import contextlib
import json
import shutil
from pathlib import Path

import pytest
from mutations import WHOLE, mutations

import ganzoo
from ganzoo import api, cli
from ganzoo.atomic_io import write_json
from ganzoo.cli import diagnose as doctor
from ganzoo.cli import list as variants
from ganzoo.config.resolve import load_config
from ganzoo.data.cache import Entry, load_or_prepare
from ganzoo.data.dataset import Dataset
from ganzoo.data.transform import Pictures, Transform
from ganzoo.errors import DamagedFile, InputError
from ganzoo.evaluation.extractors.small_classifiers import ClassifierCard
from ganzoo.evaluation.score import ReferenceScores, ScoreRecord
from ganzoo.experiments.cell import read_cell_result
from ganzoo.experiments.report.markdown import results_markdown
from ganzoo.experiments.results import ResultsFile, read_results
from ganzoo.experiments.results_schema import Results, ResultsHeader
from ganzoo.experiments.runner import describe_result
from ganzoo.json_io import read_record as read
from ganzoo.json_io import read_table
from ganzoo.losses import NSGAN
from ganzoo.release import card as cards
from ganzoo.release.card import model_card
from ganzoo.sampling import checkpoints, shipped_releases
from ganzoo.training.checkpoint import State
from ganzoo.training.release import Card
from ganzoo.training.run_dir import RunDir
from ganzoo.ui import gallery
from small_runs import small, toy_data
from tools.classifier_training import TrainingRecord

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = api.train(small("cgan", train={"steps": 2}), toy_data(), tmp_path_factory.mktemp("json") / "run")
    finding = {"step": 2, "rule": "x", "text": "y", "figures": {"a": 1.0, "b": None}, "fatal": False, "rollbacks": 0}
    RunDir(folder).append_finding(finding)
    return folder


def released(path: Path) -> None:
    """All that is done with a card."""
    card = read_table(path, Card)
    cards.card_markdown(card, "x"), model_card(card, "hf:a/b")
    list(gallery.scores(card)), gallery.brief(card), variants.distance(read(path, Card).scores)


def drawn_from(path: Path) -> None:
    """What is done with the config of a release before its weights are looked at."""
    config = load_config(path, trains=False)
    checkpoints._build_on_meta(config, path)


def logged(path: Path) -> None:
    """What `ganzoo doctor` does with a log."""
    run = RunDir(path.parent)
    records = run.records()
    doctor.headline(run, records), doctor.plots(records), doctor.findings(run, records, NSGAN())


def found(path: Path) -> None:
    doctor.verdict(RunDir(path.parent).findings())
    RunDir(path.parent).truncate_findings(1, 0)


def compared(path: Path) -> None:
    """What a second command on the folder does."""
    results = read_results(path.parent)
    assert results is not None
    head = {key: value for key, value in results if key in ResultsHeader.model_fields}
    results_markdown(ResultsFile(path.parent, ResultsHeader(**head)).write([], []))


def celled(path: Path) -> None:
    record = read_cell_result(path.parent)
    assert record is not None
    describe_result(record)


def floored(path: Path) -> None:
    floors = ReferenceScores("a")
    floors.path = path
    floors.save(floors.get(["x"], lambda names: dict.fromkeys(names, 1.0)))


def results() -> dict:
    """The smallest of those that were published, with one cell of each setting."""
    table = json.loads((ROOT / "docs/reports/stacked/results.json").read_text("utf-8"))
    return table | {"cells": [cell | {"curve": cell["curve"][:2]} for cell in table["cells"] if cell["seed"] == 0]}


def cell() -> dict:
    """As a worker writes it."""
    table = results()
    entry = {key: value for key, value in table["cells"][0].items() if key not in ("setting", "seed", "folder")}
    own = {"format": 1, "measure": {"n": 10}, "metrics": table["metrics"], "floors": table["floors"]}
    return own | entry | {"grid": "samples/1.png"}


def entry(folder: Path) -> dict:
    """As the cache writes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANZOO_HOME", str(folder))
        images = [(image[0], 0) for image in Dataset.from_tensor(toy_data().images).images[:2]]
        load_or_prepare("set", "v1", lambda: Pictures(2, images, ["a"]), Transform(8, 1))
    return json.loads(next(folder.glob("cache/*/entry.json")).read_text())


CARD = "checkpoints/cgan-mnist/card.json"
RECORD = {"format": 1, "step": 3, "seconds": 1.5, "sha256": "0", "training": {"epochs": 12}}
KINDS = {
    "state": lambda run, _: (run / "state/00000002/state.json", lambda path: read(path, State), 2),
    "card": lambda run, _: (run / "release/card.json", released, 2),
    "card that ships": lambda *_: (ROOT / CARD, released, 9),
    "config": lambda run, _: (run / "config.json", drawn_from, 17),
    "results": lambda *_: (results(), compared, 13),
    "cell": lambda *_: (cell(), celled, 5),
    "entry": lambda _, home: (entry(home), lambda path: read(path, Entry), 1),
    "floors": lambda *_: ({"format": 1, "of": ["a", ganzoo.__version__], "floors": {"x": 1.0}}, floored, 1),
    "classifier": lambda *_: (
        ROOT / "ganzoo/evaluation/extractors/weights/digits.json", lambda path: read(path, ClassifierCard), 3
    ),
    "training": lambda *_: (RECORD, lambda path: read(path, TrainingRecord), 1),
}  # fmt: skip


def outcome(reader, path: Path) -> str:
    """`accepted`, or the one line of a refusal."""
    try:
        reader(path)
    except InputError as error:
        assert str(error) and "\n" not in str(error) and "\x1b" not in str(error)
        return str(error)
    return "accepted"


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_in_any_wrong_form_is_accepted_or_refused_in_one_line(kind, run, tmp_path):
    source, reader, every = KINDS[kind](run, tmp_path / "home")
    table = json.loads(source.read_text("utf-8")) if isinstance(source, Path) else source
    path = tmp_path / (source.name if isinstance(source, Path) else {"cell": "cell.json"}.get(kind, "results.json"))
    write_json(path, table)
    assert outcome(reader, path) == "accepted"
    count = 0
    for count, (done, changed) in enumerate(mutations(table, every), 1):  # noqa: B007
        path.write_text(json.dumps(changed))
        with failing_with(f"{kind}: {done}"):
            outcome(reader, path)
    assert count >= 40
    for content in WHOLE:
        path.write_text(content, errors="surrogateescape")
        with failing_with(f"{kind}: {content[:20]!r}"):
            assert outcome(reader, path) != "accepted" or kind == "floors", "floors are computed again"


@contextlib.contextmanager
def failing_with(what: str):
    """A block whose failure says which mutation it was."""
    try:
        yield
    except Exception as error:
        raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error


@pytest.mark.parametrize(("file", "reader"), [("metrics.jsonl", logged), ("findings.jsonl", found)])
def test_a_line_in_any_wrong_form_is_accepted_or_refused_in_one_line(file, reader, run, tmp_path):
    folder = shutil.copytree(run, tmp_path / "run")
    path, before = folder / file, (folder / file).read_text()
    *first, last = before.splitlines()
    count = 0
    for count, (done, changed) in enumerate(mutations(json.loads(last), 4), 1):  # noqa: B007
        path.write_text("".join(f"{line}\n" for line in (*first, json.dumps(changed))))
        with failing_with(f"{file}: {done}"):
            outcome(reader, path)
    assert count >= 35
    for content in WHOLE:
        path.write_text(f"{content}\n", errors="surrogateescape")
        assert f"{path}, line 1: " in outcome(reader, path)


def test_the_line_says_the_file_the_key_and_what_was_expected(tmp_path):
    path = tmp_path / "state.json"
    counters = {"step": 1, "d_steps": 1, "g_steps": 1, "images": 1, "rollbacks": 0, "position": "4"}
    write_json(path, {"format": 1, "counters": counters, "sha256": 5})
    with pytest.raises(DamagedFile) as error:
        read(path, State)
    assert str(error.value) == (
        f'{path} is damaged: counters.position: input should be a valid integer, not "4"; '
        "sha256: input should be a valid string, not 5; seconds is missing"
    )


def test_what_a_later_version_adds_is_kept_and_what_it_numbers_otherwise_is_refused(run, tmp_path):
    table = json.loads((run / "release/card.json").read_text())
    write_json(tmp_path / "card.json", table | {"config_sha256": "0" * 64})
    assert read_table(tmp_path / "card.json", Card)["config_sha256"] == "0" * 64
    assert read(tmp_path / "card.json", Card).model_extra["config_sha256"] == "0" * 64
    write_json(tmp_path / "card.json", table | {"format": 2})
    with pytest.raises(InputError, match=r"format 2, but this ganzoo reads .*update ganzoo"):
        read(tmp_path / "card.json", Card)


def test_a_number_that_is_not_finite_is_read_as_null(tmp_path):
    path, words = tmp_path / "x.json", '"format": 1, "of": [], "value": 1, "better": "lower", "floor_n": 1, '
    path.write_text(f'{{{words} "name": "a", "metric": "b", "spread": NaN, "floor": -Infinity, "value_at_floor": NaN}}')
    score = read(path, ScoreRecord)
    assert (score.spread, score.floor, score.value_at_floor) == (None, None, None)
    for word, says in (("NaN", "valid number, not null"), ("1e999", "finite number, not Infinity")):
        path.write_text(f'{{"format": 1, "step": 1, "seconds": {word}, "sha256": "", "training": {{}}}}')
        with pytest.raises(DamagedFile, match=f"seconds: input should be a {says}"):
            read(path, TrainingRecord)


def test_all_that_is_committed_fits_its_schema():
    for folder in shipped_releases().values():
        read(folder / "card.json", Card)
    for path in (ROOT / "docs/reports").glob("*/results.json"):
        assert read_table(path, Results)["cells"]
    for path in (ROOT / "ganzoo/evaluation/weights").glob("*.json"):
        read(path, ClassifierCard)


def test_json_is_read_in_one_place():
    """Files go through a schema; what a process hears from another of its own is no file."""
    own = {"atomic_io.py", "training/checkpoint.py", "api.py"}
    readers = {
        "read_json": {"json_io.py", "config/resolve.py"},
        "decode_json": {"atomic_io.py", "training/run_dir.py"},
        "loads": own,
    }
    package = Path(ganzoo.__file__).parent
    for path in package.rglob("*.py"):
        tree, name = ast.parse(path.read_text("utf-8")), path.relative_to(package).as_posix()
        for call in (node.func for node in ast.walk(tree) if isinstance(node, ast.Call)):
            called = call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", None)
            if called in readers and ast.unparse(call) not in ("tomllib.loads",):
                assert name in readers[called], f"{name} calls {called}"


@pytest.fixture
def spoilt(run, tmp_path, monkeypatch):
    """A copy of the run in which one file is damaged."""
    monkeypatch.chdir(tmp_path)

    def spoil(file: str, key: str, value: object) -> Path:
        folder = shutil.copytree(run, tmp_path / "run")
        table = json.loads(
            (folder / file).read_text().splitlines()[0] if file.endswith("l") else (folder / file).read_text()
        )
        (folder / file).write_text(json.dumps(table | {key: value}) + "\n")
        return folder

    return spoil


@pytest.mark.parametrize(
    ("words", "file", "key", "value"),
    [
        ("doctor RUN", "metrics.jsonl", "terms", [1]),
        ("doctor RUN --json", "findings.jsonl", "step", "x"),
        ("doctor RUN", "config.json", "train", 5),
        ("sample RUN -n 1 --out x.png", "release/card.json", "shape", [0, 1]),
        ("sample RUN -n 1 --out x.png", "config.json", "dataset", None),
        ("sample RUN --no-ema -n 1 --out x.png", "state/00000002/state.json", "sha256", None),
        ("evaluate RUN", "release/card.json", "versions", [1]),
        ("evaluate RUN", "config.json", "latent", "x"),
        ("gallery RUN", "release/card.json", "scores", [{"name": "x"}]),
        ("demo RUN", "release/card.json", "data", {}),
        ("export RUN", "release/card.json", "sha256", 5),
        ("push RUN hf:a/b", "release/card.json", "versions", {"ganzoo": 1}),
        ("train --resume RUN --quiet", "state/00000002/state.json", "counters", {}),
        ("train --resume RUN --quiet", "metrics.jsonl", "seconds", "x"),
        ("train --resume RUN --quiet", "config.json", "tricks", []),
    ],
)
def test_a_damaged_file_is_one_line_and_exit_2_for_each_command_that_reads_it(words, file, key, value, spoilt, capsys):
    folder = spoilt(file, key, value)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}
    assert cli.run([str(folder) if word == "RUN" else word for word in words.split()]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and said.err.startswith("ganzoo: ") and str(folder) in said.err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"} == before


def test_the_gallery_leaves_out_the_damaged_release_and_says_so(run, tmp_path, capsys):
    for name in ("whole", "damaged"):
        shutil.copytree(run / "release", tmp_path / "all" / name)
    card = tmp_path / "all/damaged/card.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"steps": "many"}))
    assert cli.run(["gallery", str(tmp_path / "all"), "--out", str(tmp_path / "g")]) == 0
    line = f'{tmp_path / "all/damaged"}: {card} is damaged: steps: input should be a valid integer, not "many"'
    page = (tmp_path / "g/index.html").read_text()
    assert capsys.readouterr().err == f"left out: {line}\n"
    assert line.replace('"', "&#34;") in page and str(tmp_path / "all/whole") in page
