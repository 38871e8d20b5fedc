"""Terminal output of a comparison: the opening lines, a bar over all cells with the running ones below it, the time left."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ganzoo import terminal
from ganzoo.errors import InputError, escape
from ganzoo.experiments.cell import CELL_FILE, Cell
from ganzoo.experiments.results import refusals
from ganzoo.experiments.spec import CompareOptions, Setting
from ganzoo.training.run_dir import RunDir

SECONDS_BETWEEN_UPDATES = 1.0
MIN_DONE = 0.05  # of one run; below, starting the process dominates


def opening_lines(request: CompareOptions, settings: Sequence[Setting]) -> list[str]:
    """The size of the comparison, its folder and how to stop it; then the settings and switches that are not trained."""
    count = sum(not setting.refused for setting in settings)
    runs = terminal.counted(count * request.seeds, "run")
    size = f"{runs}: {terminal.counted(count, 'setting')}, {terminal.counted(request.seeds, 'seed')}"
    where = f"{request.budget} each, {request.jobs} at a time, in {request.out}"
    refused = [f"not trained: {each.setting}: {each.reason}" for setting in settings for each in refusals(setting)]
    return [f"{size}, {where}. Ctrl-C saves and stops, the same command continues", *refused]


@contextmanager
def cell_bars(cells: Sequence[Cell], quiet: bool) -> Iterator[None]:
    """Bars over unfinished `cells` on stderr while the block runs; nothing if `quiet` or not on a terminal."""
    console = terminal.console(stderr=True)
    if quiet or not cells or not console.is_terminal:
        yield
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"), TimeElapsedColumn())
    stop = threading.Event()
    with Progress(*columns, console=console, transient=True) as progress:
        watcher = threading.Thread(target=CellWatch(cells, progress).watch, args=(stop,), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()


class CellWatch:
    """Shows the progress of cells, read from their folders; those on other machines have no log here until they finish."""

    def __init__(self, cells: Sequence[Cell], progress: Progress) -> None:
        self.cells, self.progress, self.began = cells, progress, time.time()
        self.all = progress.add_task("all runs", total=len(cells), state="")
        self.bars: dict[str, TaskID] = {}

    def watch(self, stop: threading.Event) -> None:
        """Update the bars until `stop` is set."""
        while not stop.wait(SECONDS_BETWEEN_UPDATES):
            self.update()

    def update(self) -> None:
        """Read the folders once."""
        finished = [cell for cell in self.cells if (cell.folder / CELL_FILE).is_file()]
        running = {cell.name: part for cell in self.cells if cell not in finished and (part := self.part_done(cell))}
        done = len(finished) + sum(running.values())
        left = time_left(done, len(self.cells), time.time() - self.began)
        state = f"{len(finished)} of {len(self.cells)} finished{left}"
        self.progress.update(self.all, completed=done, state=state)
        self.show(running)

    def show(self, running: Mapping[str, float]) -> None:
        """One bar for each running cell."""
        for name in self.bars.keys() - running.keys():
            self.progress.remove_task(self.bars.pop(name))
        for name, part in running.items():
            if name not in self.bars:
                self.bars[name] = self.progress.add_task(f"  {escape(name)}", total=1.0, state="")
            self.progress.update(self.bars[name], completed=part, state=f"{part:.0%}")

    def part_done(self, cell: Cell) -> float:
        """The trained part of a cell's budget; 0 if its log was not written since the command began."""
        run = RunDir(cell.folder)
        try:
            last = run.last_record() if run.metrics.stat().st_mtime >= self.began else None
        except (OSError, InputError):  # not begun, or being written
            return 0.0
        if last is None:
            return 0.0
        if minutes := cell.budget.minutes:
            return last.seconds / (60 * minutes)
        return last.step / cell.config.train.steps


def time_left(done: float, total: int, seconds: float) -> str:
    """The remaining time as text, from the `seconds` that `done` of `total` cells took; empty while too little is done."""
    return f", about {terminal.duration(seconds / done * (total - done))} left" if MIN_DONE < done < total else ""
