"""Panels of the settings that change during training, such as a learning rate with warm-up."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ganzoo.config.tables import unflatten
from ganzoo.experiments.report.curves import POINTS, Curves, Line
from ganzoo.experiments.report.figures import draw_panel
from ganzoo.experiments.results_schema import Results
from ganzoo.schedules import Schedule, schedules_in


@dataclass(frozen=True)
class ScheduleUse:
    """The schedule of a config key, with the steps and the batch size of its run."""

    key: str
    schedule: Schedule
    steps: int
    batch_size: int

    def curves(self) -> Curves:
        """Its value by step, as the curve of a panel."""
        steps = np.unique(np.linspace(0, self.steps, POINTS).round())
        values = np.array([self.schedule.at(int(step), self.batch_size) for step in steps])
        return Curves(self.key, [Line((steps, values, values, values), [])])

    def panel(self, name: str) -> str:
        """The figure of `curves`, from 0 on."""
        curves = self.curves()
        highest = max(float(values.max()) for line in curves.lines for values in line.values())
        return draw_panel(curves, name, f"{self.key} by step", self.steps, (0, 1.05 * highest or 1))


def schedule_panels(results: Results) -> list[tuple[str, str, str]]:
    """Config key, settings and figure of each different schedule; settings with an equal one share a panel."""
    users: dict[ScheduleUse, list[str]] = {}
    for name, use in schedule_uses(results):
        users.setdefault(use, []).append(name)
    return [(use.key, ", ".join(names), use.panel(f"schedule{i}")) for i, (use, names) in enumerate(users.items())]


def schedule_uses(results: Results) -> Iterator[tuple[str, ScheduleUse]]:
    """Every schedule in the configs of the settings, with the name of the setting."""
    for setting in results.settings:
        steps, batch_size = setting.config.get("train.steps", 0), setting.config.get("train.batch_size", 1)
        for key, schedule in schedules_in(unflatten(setting.config)):
            yield setting.name, ScheduleUse(key, schedule, steps, batch_size)
