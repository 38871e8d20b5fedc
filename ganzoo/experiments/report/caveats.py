"""The limits of a comparison's results, as sentences for the report."""

from collections.abc import Sequence
from math import comb

from ganzoo.evaluation.metrics import notes
from ganzoo.experiments.report import facts
from ganzoo.experiments.report.markdown import format_budget
from ganzoo.experiments.results_schema import Results
from ganzoo.experiments.statistics import coverage


def caveats(results: Results) -> list[str]:
    """The limits of these results, one sentence or two per entry."""
    ended, jobs = {cell.status for cell in results.cells}, results.protocol.jobs
    seeds = facts.seed_counts(results)
    return [
        *([] if "unfinished" not in ended else ["Some cells are unfinished: all results may still change."]),
        f"{interval_caveat(seeds)} Among many settings some intervals do not overlap by chance: this is not a test of "
        "significance.",
        *([] if results.kind != "ablate" else false_positive_caveat(seeds[0])),
        *([] if "failed" not in ended else [FAILURES]),
        "The number of samples is part of a score's name. Several scores are biased at small n (FID upwards). Compare them "
        "with each other and with the floor, and with other work only at the same n, extractor and reference.",
        "A score depends on its feature extractor, which is part of its name. Scores of different extractors have no common "
        "scale: those of a small classifier say nothing about Inception's.",
        *notes(metric.metric for metric in results.metrics),
        f"This is one data set ({results.data.spec}) and one budget ({format_budget(results.budget)}). On other data, or "
        "after longer training, the order may differ.",
        UNTUNED if not results.tuning else tuning_caveat(facts.untuned_settings(results)),
        *([] if jobs == 1 else [f"Seconds were measured with {jobs} jobs on one machine."]),
    ]


UNTUNED = (
    "Every setting used the values of its config. A setting with a low rank may only be less well tuned for this data."
)
TUNED = (
    "Every tuned setting had the same number of hyperparameter draws. Wider ranges or more draws may change the order."
)
FAILURES = (
    "A failed seed has no score. Median and interval of its setting use only the other seeds, and look better for it."
)


def tuning_caveat(but: Sequence[str]) -> str:
    """The caveat on tuning, with the settings that were not tuned."""
    return f"{TUNED} Not tuned (values of their configs): {', '.join(but)}." if but else TUNED


def interval_caveat(seeds: Sequence[int]) -> str:
    """A sentence on the coverage of intervals for these numbers of seeds."""
    shares = [f"with {n} seeds in {coverage_text(n)}" for n in seeds if n > 1]
    return (
        f"An interval contains the true median {', '.join(shares)} of cases." if shares else "One seed has no interval."
    )


def paired_caveat(seeds: Sequence[int]) -> str:
    """A sentence on the intervals of paired differences over these numbers of seeds."""
    few = (
        " With up to five seeds it spans all differences: it is wide, and still no 95 % interval."
        if seeds[0] <= 5
        else ""
    )
    return f"{interval_caveat(seeds)}{few}"


def coverage_text(seeds: int) -> str:
    """The coverage of the interval of `seeds` seeds, in percent."""
    least = "at least " if seeds > 4 and seeds % 2 == 0 else ""
    return f"{least}{100 * coverage(seeds):.3g} %"


def false_positive_caveat(seeds: int) -> list[str]:
    """A sentence on the rate of false verdicts for switches without effect; only if intervals span all scores."""
    if not 2 <= seeds <= 5:
        return []
    share = 200 / comb(2 * seeds, seeds)
    return [f"By chance, {share:.2g} % of switches without effect are marked better or worse than the baseline."]
