"""Two shares of every test here: a sample for each push, and the whole, which is `slow`; their counts at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy


class Share(NamedTuple):
    """A part of what could be tried; the same at every call."""

    part: float

    def of(self, items: Sequence[Any]) -> list[Any]:
        """As many of `items` as the share has, evenly spaced."""
        count = max(1, round(len(items) * self.part))
        return [items[(2 * i + 1) * len(items) // (2 * count)] for i in range(count)]

    def each(self, strategy: SearchStrategy[Any], most: int, check: Callable[[Any], object]) -> None:
        """Hold `check` against examples of `strategy`: of the whole, `most`."""
        options = {"derandomize": True, "deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}

        @settings(max_examples=max(5, round(most * self.part)), **options)
        @given(strategy)
        def try_one(example: Any) -> None:
            check(example)

        try_one()


SHARES = [pytest.param(Share(0.05), id="sample"), pytest.param(Share(1.0), id="whole", marks=pytest.mark.slow)]
TALLY: Counter[str] = Counter()


def pytest_generate_tests(metafunc):
    if "share" in metafunc.fixturenames:
        metafunc.parametrize("share", SHARES)


@pytest.fixture
def tally() -> Counter[str]:
    """What has been tried by now, and what came of it."""
    return TALLY


def pytest_terminal_summary(terminalreporter):
    if TALLY:
        terminalreporter.write_line("robustness: " + ", ".join(f"{name} {n:,}" for name, n in sorted(TALLY.items())))
