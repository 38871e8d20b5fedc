"""The bars over the cells of a comparison, and the remaining time."""

from __future__ import annotations

import io
import os

import pytest
from rich.console import Console
from rich.progress import Progress
from stand_ins import how, request

from ganzoo.experiments.cell import CELL_FILE
from ganzoo.experiments.plan import Plan
from ganzoo.experiments.progress import CellWatch, cell_bars, time_left
from ganzoo.training.run_dir import RunDir


@pytest.fixture
def cells(tmp_path):
    """Four cells that have not begun."""
    return Plan(request(tmp_path), how).cells


def record(step: int) -> dict[str, object]:
    counters = {"step": step, "d_steps": step, "g_steps": step, "images": step}
    return counters | {"terms": {}, "seconds": 1.0, "images_per_second": 1.0}


def test_bars_show_the_running_cells_and_count_the_finished_ones(cells):
    progress = Progress(console=Console(file=io.StringIO()))
    watch = CellWatch(cells, progress)
    watch.update()
    assert [task.description for task in progress.tasks] == ["all runs"]
    first, second, third, _ = cells
    for cell in (first, second, third):
        cell.folder.mkdir(parents=True)
        RunDir(cell.folder).append(record(1))
    (first.folder / CELL_FILE).write_text("{}")
    os.utime(RunDir(third.folder).metrics, (0, 0))  # the log of an earlier command
    watch.update()
    assert [task.description.strip() for task in progress.tasks] == ["all runs", second.name]
    overall, running = progress.tasks
    assert running.percentage == pytest.approx(100 / second.config.train.steps)
    assert overall.completed == pytest.approx(1 + 1 / second.config.train.steps)
    assert overall.fields["state"].startswith("1 of 4 finished, about ")
    (second.folder / CELL_FILE).write_text("{}")
    watch.update()
    assert [task.description for task in progress.tasks] == ["all runs"]


def test_no_bars_where_stderr_is_no_terminal(cells, capsys):
    with cell_bars(cells, quiet=False):
        pass
    assert capsys.readouterr().err == ""


def test_the_remaining_time_follows_from_the_finished_part():
    assert time_left(1.5, 4, 60.0) == ", about 1 min 40 s left"
    assert time_left(0.01, 4, 60.0) == time_left(4, 4, 60.0) == ""
