"""Summaries for the report: floors at other sample numbers, references, monitor findings, untuned settings."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from ganzoo.evaluation.score import computed_floors
from ganzoo.experiments.cell_schema import ScoreDetail
from ganzoo.experiments.results_schema import CellEntry, Results
from ganzoo.experiments.statistics import WORST_SCORE


@dataclass(frozen=True)
class FloorElsewhere:
    """A floor at another number of samples than the score, and a setting's median score at that number."""

    name: str
    """Name of the setting."""
    protocol: str
    n: int
    floor: float
    median: float


def scores_at_floor_n(results: Results) -> list[FloorElsewhere]:
    """An entry for each setting and score with a floor at another number of samples."""
    worst = {metric.protocol: WORST_SCORE[metric.better] for metric in results.metrics}
    found: dict[tuple[str, str, int, float], list[float]] = {}
    for setting in results.settings:
        for cell in results.cells_of(setting.name):
            for protocol, each in cell.at_floor.items():
                value = worst[protocol] if each.value is None else each.value
                found.setdefault((setting.name, protocol, each.n, each.floor), []).append(value)
    return [FloorElsewhere(*key, median(values)) for key, values in found.items()]


def exact_floors(results: Results) -> dict[str, float]:
    """The floors that are computed instead of measured, such as those of KL, by score and name."""
    finite = ((name, {k: v for k, v in each.details.items() if v is not None}) for name, each in score_details(results))
    return {f"{name}, {key}": value for name, table in finite for key, value in computed_floors(table).items()}


def score_details(results: Results) -> Iterator[tuple[str, ScoreDetail]]:
    """The protocol and the details of every score of every cell."""
    return (entry for cell in results.cells for entry in cell.details.items())


def measured_with(results: Results) -> dict[str, str]:
    """Descriptions of samples, extractor, splits and the number of real images of each score."""
    sizes = {name: each.reference_n for name, each in score_details(results) if each.reference_n}
    used = [cell.measured_with for cell in results.cells]
    samples = dict.fromkeys(each.samples for each in used if each.samples)
    extractor = next((each.extractor for each in reversed(used) if each.extractor), None)
    splits = next((each.data.splits for each in reversed(used) if each.data.splits), {})
    return {
        **({"samples": ", or ".join(samples)} if samples else {}),
        **({"extractor": f"{extractor.name}, weights {extractor.sha256[:16]}"} if extractor else {}),
        **{f"{name} split": f"{each.count:,} images, digest {each.digest[:16]}" for name, each in splits.items()},
        **{name: f"against {size:,} real images" for name, size in sizes.items()},
    }


def untuned_settings(results: Results) -> list[str]:
    """The settings of a tuned comparison that used their config's values: nothing to draw, or no draw with a score."""
    tuned = results.tuning.settings if results.tuning else {}
    return [name for name, each in tuned.items() if each.chosen is None]


def seed_counts(results: Results) -> list[int]:
    """The distinct numbers of seeds of the intervals, in increasing order."""
    return sorted({row.n for row in results.summary if row.n}) or [len(results.protocol.seeds)]


@dataclass(frozen=True)
class RuleFindings:
    """The findings of one monitor rule in a setting."""

    name: str
    """Name of the setting."""
    rule: str
    seeds: list[int]
    """Seeds with such a finding."""
    of: int
    """Number of seeds of the setting."""
    first: int
    """The earliest step over all seeds."""


def summarize_findings(cells: dict[str, list[CellEntry]]) -> list[RuleFindings]:
    """The monitor's findings: an entry for each setting and rule."""
    found: dict[tuple[str, str], dict[int, int]] = {}
    for name, mine in cells.items():
        for cell in mine:
            for finding in cell.findings:
                steps = found.setdefault((name, finding.rule), {})
                steps[cell.seed] = min(finding.step, steps.get(cell.seed, finding.step))
    return [
        RuleFindings(name, rule, sorted(steps), len(cells[name]), min(steps.values()))
        for (name, rule), steps in found.items()
    ]
