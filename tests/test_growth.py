"""`benchmarks/growth.py` measures what it says and shows what was measured."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def growth(monkeypatch) -> ModuleType:
    """The script, at sizes that take no time."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import growth
    import growth_parts

    for name, tiny in {"SIZES": (8, 16), "WIDTHS": (2, 4), "BATCHES": (2, 4), "COUNTS": (70, 140), "NARROW": 2}.items():
        monkeypatch.setattr(growth_parts, name, tiny)
    return growth


def test_every_part_has_its_rounds_and_is_not_measured_twice(growth, tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_HOME", "mine")
    out, names = tmp_path / "growth.json", ["size", "width", "batch", "data"]
    growth.measure(out, names, growth.Conditions(1, 2, "cpu", tmp_path))
    written = out.read_text()
    parts = json.loads(written)["parts"]
    assert [p["x"] for p in parts["size"]["points"]] == [8, 16]
    assert [(p["x"], p["images"]) for p in parts["batch"]["points"]] == [(2, 2), (4, 4)]
    series = [(p["series"], p["x"]) for p in parts["data"]["points"]]
    assert sorted(series) == [(name, x) for name in ("batch", "cycle", "prepare", "shuffle") for x in (70, 140)]
    assert all(len(p["seconds"]) == 2 for name in names[:3] for p in parts[name]["points"])
    growth.measure(out, names, growth.Conditions(1, 1, "cpu", tmp_path))
    assert out.read_text() == written
    assert list(tmp_path.iterdir()) == [out]  # the memory maps are gone
    assert os.environ["GANZOO_HOME"] == "mine"


def point(x: int, seconds: float, series: str | None = None, **facts: object) -> dict[str, object]:
    return {"series": series, "x": x, "images": 64, "seconds": [seconds, 0.9 * seconds, 1.1 * seconds], **facts}


def recorded() -> dict[str, object]:
    """Made up: a cycle goes with the square of the size, and does not with the data."""
    data = [point(x, 0.1 if name == "cycle" else 1e-3, name) for name in SERIES for x in (1000, 1_000_000)]
    sent = [point(4, 1e-3, "all_reduce"), point(1 << 20, 2e-3, "all_reduce")]
    cycles = [point(1, 0.2, "alone"), point(2, 0.11, "one joint batch"), point(2, 0.22, "a batch each")]
    networks = [point(1, 2.0, name, g=10**6, d=3 * 10**6, flops=10**9) for name in ("dcgan", "dcgan-large", "resnet")]
    points = {
        "size": [point(x, 1e-5 * x**2) for x in (32, 64, 128)],
        "data": data,
        "processes": cycles + sent,
        "networks": networks,
        "start": [point(1, 1.5, "import torch")],
    }
    facts = {"machine": "a machine", "torch": "2", "threads": 1, "rounds": 3, "clock": "wall"}
    return {"format": 1, "parts": {name: facts | {"points": found} for name, found in points.items()}}


SERIES = ("cycle", "batch", "shuffle", "prepare")


def test_picture_and_tables_show_what_was_measured(growth, tmp_path):
    pytest.importorskip("matplotlib")
    out, page = tmp_path / "results/growth.json", tmp_path / "growth.md"
    out.parent.mkdir()
    out.write_text(json.dumps(recorded()))
    page.write_text("# Mine\n<!-- tables -->\nof old")
    for _ in range(2):
        growth.write_page(out, page)
    picture = ElementTree.parse(out.with_suffix(".svg"))
    said = {text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert {"size: exponent 2.00", "data: exponent 0.00", "1 M"} <= said
    text = page.read_text()
    assert text.startswith("# Mine\n<!-- tables -->\n") and text.count("<!-- tables -->") == 1 and "of old" not in text
    assert "](results/growth.svg)" in text
