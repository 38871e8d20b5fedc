"""Contracts: what every part of a kind keeps. `ganzoo check` runs them on a user's file, the tests on the parts of ganzoo."""

from collections.abc import Iterator

from ganzoo.contracts.base import Check, Result, run_check
from ganzoo.contracts.loss import LOSS_CHECKS
from ganzoo.contracts.network import BACKBONE_CHECKS, NORM_CHECKS, UPSAMPLER_CHECKS
from ganzoo.contracts.others import EXTRACTOR_CHECKS, METRIC_CHECKS, OPTIMIZER_CHECKS, SOURCE_CHECKS
from ganzoo.contracts.trick import TRICK_CHECKS
from ganzoo.parts import Kind

CHECKS: dict[str, tuple[Check, ...]] = {
    "loss": LOSS_CHECKS,
    "trick": TRICK_CHECKS,
    "backbone": BACKBONE_CHECKS,
    "upsampler": UPSAMPLER_CHECKS,
    "norm": NORM_CHECKS,
    "optimizer": OPTIMIZER_CHECKS,
    "metric": METRIC_CHECKS,
    "extractor": EXTRACTOR_CHECKS,
    "data source": SOURCE_CHECKS,
}
"""The checks of each kind of part."""

__all__ = ["CHECKS", "Result", "check_part"]


def check_part(kind: Kind, name: str) -> Iterator[Result]:
    """Run every check of the part `name`, one after the other; nothing is raised for a broken one.

    `kind` is one of `ganzoo.parts.KINDS`. With GANZOO_TRACEBACK=1 an unexpected exception of a check is raised.
    """
    for check in CHECKS[kind.name]:
        yield run_check(kind.name, name, kind.registry[name], check)
