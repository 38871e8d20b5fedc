"""The log of a run as the failure rules see it: recent records, first values, readings over time."""

import math
from collections import deque
from collections.abc import Iterable
from typing import Any

from ganzoo.losses.base import HARD_TARGETS

Record = dict[str, Any]

WINDOW = 40  # log records that a rule can see
RECENT = 5  # records that must agree, so that one bad batch triggers nothing


class History:
    """A rule's view of a run: the first value of each reading and the last `WINDOW` records.

    Both come from the log, so a resumed run and `ganzoo doctor` find the same as an uninterrupted run.
    """

    def __init__(self, records: Iterable[Record] = (), bounds: tuple[float, float] = HARD_TARGETS) -> None:
        self.bounds = bounds
        """The loss's `d_loss_bounds`."""
        self.first: dict[str, float] = {}
        """Each reading's first finite value other than 0."""
        self.window: deque[Record] = deque(maxlen=WINDOW)
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Add the next log record."""
        self.first = {name: value for name, value in record["terms"].items() if value} | self.first
        self.window.append(record)

    @property
    def last(self) -> Record:
        return self.window[-1]

    @property
    def late(self) -> list[Record]:
        """The last `RECENT` records."""
        return list(self.window)[-RECENT:]


def term_history(records: Iterable[Record], name: str) -> list[float]:
    """A reading over time; NaN if it was not finite or is missing."""
    values = (record["terms"].get(name) for record in records)
    return [math.nan if value is None else value for value in values]


def loss_history(records: Iterable[Record], player: str) -> list[float]:
    """The objective of player "d" or "g" over time: the loss's standard terms, without penalties and tricks.

    If the loss uses other term names, all of the player's terms count. NaN if a term is not finite or none exists.
    """
    return [objective(record["terms"], player) for record in records]


def objective(terms: dict[str, Any], player: str) -> float:
    """The objective of one record, as in `loss_history`."""
    own = {"d": ("d/real", "d/fake", "d/pair"), "g": ("g/adv", "g/pair")}[player]
    names = [name for name in own if name in terms] or [name for name in terms if name.startswith(f"{player}/")]
    values = [terms[name] for name in names]
    return math.nan if not values or None in values else sum(values)
