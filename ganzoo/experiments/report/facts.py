"""Facts about scores: floors at other numbers, references, findings of the monitor, settings that were not tuned."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from ganzoo.evaluation.score import computed_floors
from ganzoo.experiments.cell_schema import ScoreDetail
from ganzoo.experiments.results_schema import CellEntry, Results
from ganzoo.experiments.statistics import WORST_SCORE


@dataclass(frozen=True)
class FloorElsewhere:
    """A floor that had to be taken at another number of samples, and a setting's median score at that number."""

    name: str
    """The setting."""
    protocol: str
    n: int
    floor: float
    median: float


def scores_at_floor_n(results: Results) -> list[FloorElsewhere]:
    """A line for each setting and score whose floor had to be taken at another number of samples."""
    worst = {metric.protocol: WORST_SCORE[metric.better] for metric in results.metrics}
    found: dict[tuple[str, str, int, float], list[float]] = {}
    for setting in results.settings:
        for cell in results.cells_of(setting.name):
            for protocol, each in cell.at_floor.items():
                value = worst[protocol] if each.value is None else each.value
                found.setdefault((setting.name, protocol, each.n, each.floor), []).append(value)
    return [FloorElsewhere(*key, median(values)) for key, values in found.items()]


def exact_floors(results: Results) -> dict[str, float]:
    """The floors that are computed and not measured, such as those of KL, by score and name."""
    finite = ((name, {k: v for k, v in each.details.items() if v is not None}) for name, each in score_details(results))
    return {f"{name}, {key}": value for name, table in finite for key, value in computed_floors(table).items()}


def score_details(results: Results) -> Iterator[tuple[str, ScoreDetail]]:
    """The protocol and the details of every score of every cell."""
    return (entry for cell in results.cells for entry in cell.details.items())


def measured_with(results: Results) -> dict[str, str]:
    """The samples, the extractor with its weights, the splits, and how many real images each score is against."""
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
    """The settings of a tuned comparison that ran as their config says: nothing to draw, or no draw with a score."""
    tuned = results.tuning.settings if results.tuning else {}
    return [name for name, each in tuned.items() if each.chosen is None]


def seed_counts(results: Results) -> list[int]:
    """The different numbers of seeds that the intervals are of, the smallest first."""
    return sorted({row.n for row in results.summary if row.n}) or [len(results.protocol.seeds)]


@dataclass(frozen=True)
class RuleFindings:
    """A rule of the monitor that found something in a setting."""

    name: str
    """The setting."""
    rule: str
    seeds: list[int]
    """With such a finding."""
    of: int
    """Seeds of the setting."""
    first: int
    """The earliest step of all."""


def summarize_findings(cells: dict[str, list[CellEntry]]) -> list[RuleFindings]:
    """What the monitor found: an entry for each setting and rule."""
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
