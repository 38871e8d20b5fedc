"""A job: everything that the process which trains and scores a cell must know, as a line of JSON. Imports no torch."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from ganzoo.config.schema import ResolvedConfig
from ganzoo.json_io import Count, FileSchema, as_table


class ScoringOptions(FileSchema):
    """The scoring of a cell: keywords of `ganzoo.evaluator.evaluate`."""

    n: Count | None = None
    """Samples a score."""
    metrics: list[str] | None = None
    """Names of metrics; None: all that can be computed."""
    split: str | None = None
    """The split of the data that samples are compared with."""
    extractor: str | None = None
    """The feature extractor, where one was asked for."""

    def keywords(self) -> dict[str, Any]:
        """Those that were given."""
        return as_table(self)

    def differences(self, other: "ScoringOptions") -> list[str]:
        """The options in which `other` differs, as `key: own -> other`."""
        old, new = self.keywords(), other.keywords()
        return [f"{key}: {old.get(key)!r} -> {new.get(key)!r}" for key in old | new if old.get(key) != new.get(key)]


class Job(BaseModel):
    """One cell for one process, which answers with the cell's `cell.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path
    """The cell's run folder."""
    config: ResolvedConfig
    """Resolved."""
    minutes: float | None
    """The training time; None where `config.train.steps` is the budget."""
    measure: ScoringOptions
    """Its scoring."""
    plugins: dict[str, str]
    """The sources of the user's files, by path."""
    jobs: int
    """Cells at once on the machine."""

    def as_line(self) -> str:
        """One line of JSON, which `Job.model_validate_json` reads."""
        return json.dumps(as_table(self)) + "\n"


@dataclass(frozen=True)
class Outcome:
    """The end of a job's process: its exit code, and the last line on its stderr."""

    code: int
    message: str = ""
