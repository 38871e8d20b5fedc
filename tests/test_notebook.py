"""`ganzoo.train` in a notebook: one output that is redrawn, with lines, bar and losses."""

from __future__ import annotations

import re
import sys
from types import SimpleNamespace

import nbformat
import pytest
from nbclient import NotebookClient

from ganzoo import terminal
from ganzoo.training import progress

CELL = """
import ganzoo
from ganzoo.losses import NSGAN

class Mine(NSGAN):
    name = "mine"

small = {"latent": {"dim": 8}, "networks": {p: {"width": 4} for p in ("generator", "discriminator")}}
folder = ganzoo.train({"extends": "mine", **small, "train": {"batch_size": 4, "log_every": 1}}, out=OUT, steps=40, threads=1)
"""
RECORD = {"step": 3, "terms": {"d/real": 1.0, "d/fake": 0.5, "g/adv": 2.0}, "images_per_second": 7.0}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_cell_has_one_output_for_all_steps(tmp_path):
    once, again = (CELL.replace("OUT", repr(str(tmp_path / name))) for name in ("one", "two"))
    quiet = once.replace("threads=1", "threads=1, quiet=True").replace("one", "three")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in (once, again, quiet)])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": tmp_path}}).execute()
    for cell in notebook.cells[:2]:
        shown = [each for each in cell.outputs if each.output_type != "stream"]
        (text,) = (each.data["text/plain"] for each in shown)
        assert re.search(r"^mine on digits \(.*: \S+$", text.splitlines()[0])
        assert re.fullmatch(r"step 40/40  █{30}  d [\d.]+  g [\d.]+  \d+ images/s", text.splitlines()[-1])
        assert [each.text for each in cell.outputs if "step" in each.get("text", "")] == []
    assert [each for each in notebook.cells[2].outputs if each.output_type != "stream"] == []


@pytest.fixture
def drawn(monkeypatch):
    """The texts that a bar draws, at a clock that stands still."""
    texts = []
    monkeypatch.setattr(terminal, "notebook_output", lambda: texts.append)
    monkeypatch.setattr(progress.time, "monotonic", lambda: 8.0)
    return texts


def test_the_bar_is_drawn_for_lines_and_at_the_end_but_not_at_every_step(drawn, monkeypatch):
    with progress.NotebookBar(6, 2) as bar:
        bar.write_line("a \x1b[31m line")
        for step in (3, 4, 5):
            bar.update(step, RECORD | {"step": step})
        assert drawn == [r"a \x1b[31m line" + "\nstep 2/6  " + "█" * 10 + "░" * 20]
        monkeypatch.setattr(progress.time, "monotonic", lambda: 17.0)
        bar.update(5)
        assert drawn[-1].endswith("step 5/6  " + "█" * 25 + "░" * 5 + "  d 1.500  g 2.000  7 images/s  eta 0:00:03")
        bar.update(6)
    assert (
        len(drawn) == 4 and drawn[-1] == drawn[-2] and drawn[-1].endswith("█" * 30 + "  d 1.500  g 2.000  7 images/s")
    )


def test_a_notebook_is_told_from_a_terminal(monkeypatch):
    assert not terminal.in_notebook()
    shell = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert not terminal.in_notebook()
    shell.kernel = None
    assert terminal.in_notebook()
    assert isinstance(progress.reporter(1, 0, quiet=True), progress.Reporter)
