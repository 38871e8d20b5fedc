"""`results.json` and `cell.json` as models: they know every key, lose nothing, and document themselves."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import BaseModel
from synthetic_results import CELL, COST

import ganzoo.experiments
from ganzoo.experiments.cell import entry_of_record
from ganzoo.experiments.cell_schema import CellRecord
from ganzoo.experiments.results_schema import Results
from ganzoo.json_io import as_table, read_record

PACKAGE = Path(ganzoo.experiments.__file__).parent
COMMITTED = sorted((Path(__file__).parents[2] / "docs/reports").glob("*/results.json"))
UNPLACED = {key: value for key, value in CELL.items() if key != "folder"}
RECORD = UNPLACED | {"format": 1, "measure": {"n": 5}, "cost": COST | {"memory_mib": None}, "metrics": [], "floors": {}}


def unknown_keys(value: object, where: str = "") -> Iterator[str]:
    """The keys of a record, and of those in it, that its model does not know."""
    if isinstance(value, BaseModel):
        yield from (f"{where}.{key}" for key in value.model_extra or ())
        value = dict(value)
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield from unknown_keys(inner, f"{where}.{key}")


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.parent.name)
def test_the_model_knows_every_key_of_what_is_committed_and_writes_the_same_bytes(path):
    results = read_record(path, Results)
    assert list(unknown_keys(results)) == []
    assert json.dumps(as_table(results), indent=2, ensure_ascii=False) + "\n" == path.read_text(encoding="utf-8")


def test_what_a_later_version_adds_to_a_cell_stays_in_its_results():
    cost = RECORD["cost"] | {"watt_hours": 2}
    record = CellRecord.model_validate(RECORD | {"cost": cost, "later": {"x": 1}, "grid": "samples/1.png"})
    assert set(unknown_keys(record)) == {".later", ".cost.watt_hours"}
    entry = entry_of_record(record, "cells/a-s0")
    assert entry == UNPLACED | {"cost": cost, "later": {"x": 1}, "grid": "cells/a-s0/samples/1.png"}


@pytest.mark.parametrize("module", ["cell_schema", "results_schema", "environment", "job", "budget"])
def test_every_field_of_the_files_has_a_line_of_documentation(module):
    tree = ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))
    for model in (node for node in tree.body if isinstance(node, ast.ClassDef) and node.bases):
        for field, after in pairwise([*model.body, None]):
            if isinstance(field, ast.AnnAssign):
                assert isinstance(after, ast.Expr), f"{model.name}.{ast.unparse(field.target)}"


def test_no_key_of_a_record_is_a_string_in_the_code():
    """But for what Ray says of its nodes."""
    other = {"node['Resources']", "node['Alive']", "AbstractContextManager['RayCluster']"}
    for path in PACKAGE.rglob("*.py"):
        nodes = [
            node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Subscript)
        ]
        keys = {ast.unparse(node) for node in nodes if isinstance(getattr(node.slice, "value", None), str)}
        assert keys <= other, path.name
