"""What real images score against real ones: computed once, then read from the cache."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Literal

from ganzoo import __version__
from ganzoo.atomic_io import FORMAT, write_json
from ganzoo.data import ganzoo_home
from ganzoo.errors import InputError
from ganzoo.json_io import FileSchema, Finite, read_record

ComputeFn = Callable[[Sequence[str]], dict[str, float]]
"""The floors of these metrics, by name; others that come along are kept too."""


class FloorsFile(FileSchema):
    """A file of floors: what they are of, and each by metric; one that is not finite is a word."""

    of: list[str]
    floors: dict[str, Finite | Literal["inf", "-inf", "nan"]]


class ReferenceScores:
    """The floors of one pair of real sets by metric, in a file of their own in `GANZOO_HOME/cache/floors`."""

    def __init__(self, *of: str) -> None:
        """`of`: all that they depend on but for the metric: the images on both sides, and what reads them."""
        self.of = [*of, __version__]  # another version may compute a metric in another way
        key = sha256(json.dumps(self.of).encode()).hexdigest()[:16]
        self.path = ganzoo_home() / "cache" / "floors" / f"{key}.json"

    def get(self, names: Sequence[str], compute: ComputeFn) -> dict[str, float]:
        """The floors of `names`: kept ones, and of those that are not yet what `compute` gives."""
        found = self.load()
        if new := [name for name in names if name not in found]:
            found |= compute(new)
            self.save(found)
        return {name: found[name] for name in names}

    def load(self) -> dict[str, float]:
        """Those in the file; none where there is no file, or not the one that was written for this pair."""
        try:
            file = read_record(self.path, FloorsFile)
        except InputError:
            return {}
        return {name: float(value) for name, value in file.floors.items()} if file.of == self.of else {}

    def save(self, floors: dict[str, float]) -> None:
        """Write them, with those that another process has written meanwhile."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        found = (self.load() | floors).items()
        table = {name: value if math.isfinite(value) else str(float(value)) for name, value in found}
        write_json(self.path, {"format": FORMAT, "of": self.of, "floors": table})
