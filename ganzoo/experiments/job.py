"""A job: the input of the worker process that trains and scores a cell, as a line of JSON. Does not import torch."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from ganzoo.config.schema import ResolvedConfig
from ganzoo.json_io import Count, FileSchema, as_table


class ScoringOptions(FileSchema):
    """The scoring options of a cell: keyword arguments of `ganzoo.evaluator.evaluate`."""

    n: Count | None = None
    """Samples per score."""
    metrics: list[str] | None = None
    """Names of metrics; None: all that are possible."""
    split: str | None = None
    """The reference split of the data."""
    extractor: str | None = None
    """The feature extractor; None: the default."""

    def keywords(self) -> dict[str, Any]:
        """The options that are set."""
        return as_table(self)

    def differences(self, other: "ScoringOptions") -> list[str]:
        """The options in which `other` differs, as `key: old -> new`."""
        old, new = self.keywords(), other.keywords()
        return [f"{key}: {old.get(key)!r} -> {new.get(key)!r}" for key in old | new if old.get(key) != new.get(key)]


class Job(BaseModel):
    """One cell for one worker process, which writes the `cell.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path
    """The cell's run folder."""
    config: ResolvedConfig
    """The resolved config."""
    minutes: float | None
    """The training time; None if `config.train.steps` is the budget."""
    measure: ScoringOptions
    """The scoring options."""
    plugins: dict[str, str]
    """Path -> source of the user's plugin files."""
    jobs: int
    """Simultaneous cells on the machine."""

    def as_line(self) -> str:
        """One line of JSON, which `Job.model_validate_json` reads."""
        return json.dumps(as_table(self)) + "\n"


@dataclass(frozen=True)
class Outcome:
    """The result of a worker process: its exit code and the last line of its stderr."""

    code: int
    message: str = ""
