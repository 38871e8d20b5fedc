"""Schedules: settings that change during training, as functions of the step alone, so a resume needs no state."""

import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import torch
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    NonNegativeInt,
    PositiveInt,
    Tag,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError
from torch import Tensor, nn


class Schedule(BaseModel):
    """A number that changes from `from` to `to` within `over` steps, and then stays.

    `linear` and `cosine` are the shapes of the change; `constant` stays at `from`. During the first `warmup` steps, which
    count as part of `over`, it rises linearly from 0 to `from`. With unit "images", `over` and `warmup` count training steps
    times `train.batch_size`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)

    start: float = Field(alias="from")
    end: float | None = Field(None, alias="to")
    over: PositiveInt | None = None
    shape: Literal["linear", "cosine", "constant"] = "linear"
    warmup: NonNegativeInt = 0
    unit: Literal["steps", "images"] = "steps"

    @model_validator(mode="after")
    def _complete(self) -> "Schedule":
        if self.shape != "constant" and (self.end is None or self.over is None):
            raise PydanticCustomError("incomplete", "a {shape} schedule needs to and over", {"shape": self.shape})
        if self.over is not None and self.warmup >= self.over:
            raise PydanticCustomError("warmup", "warmup is part of over, so it must be shorter")
        return self

    @model_serializer
    def as_table(self) -> dict[str, Any]:
        """The table of the config."""
        ends = {"from": self.start, "to": self.end, "over": self.over}
        return ends | {"shape": self.shape, "warmup": self.warmup, "unit": self.unit}

    def at(self, step: int, batch_size: int = 1) -> float:
        """The value at training step `step` (from 0)."""
        position = step * (batch_size if self.unit == "images" else 1)
        if position < self.warmup:
            return self.start * position / self.warmup
        if self.shape == "constant" or self.end is None or self.over is None:
            return self.start
        share = (position - self.warmup) / (self.over - self.warmup)
        if share >= 1:
            return self.end
        share = (1 - math.cos(math.pi * share)) / 2 if self.shape == "cosine" else share
        return self.start + share * (self.end - self.start)


Value = float | Schedule | dict[str, Any]
"""A setting as a part receives it: a number, a schedule, or a schedule's table."""


class Varying(nn.Module):
    """A schedule's current value times `factor`, as a tensor that the trainer sets before each step; not saved."""

    now: Tensor

    def __init__(self, schedule: Schedule, factor: float = 1.0) -> None:
        super().__init__()
        self.schedule, self.factor = schedule, factor
        self.register_buffer("now", torch.tensor(schedule.at(0) * factor), persistent=False)

    def set_step(self, step: int, batch_size: int) -> None:
        """Set the value for training step `step`, in place, so that a CUDA graph sees it."""
        self.now.fill_(self.schedule.at(step, batch_size) * self.factor)


def setting(value: Value, factor: float = 1.0) -> float | Varying:
    """A setting times `factor`, for a module to keep and to read with `current`."""
    schedule = as_schedule(value)
    return Varying(schedule, factor) if schedule else number(value) * factor


def current(value: float | Varying) -> float | Tensor:
    """The number that holds in this step."""
    return value.now if isinstance(value, Varying) else value


def as_schedule(value: object) -> Schedule | None:
    """The schedule that `value` is or whose table it is; None for anything else."""
    if isinstance(value, dict) and "from" in value:
        return Schedule.model_validate(value)
    return value if isinstance(value, Schedule) else None


def number(value: Value | None, step: int = 0, batch_size: int = 1) -> float:
    """The number that a setting is at training step `step`."""
    schedule = as_schedule(value)
    return schedule.at(step, batch_size) if schedule else value  # type: ignore[return-value]


def schedules_in(table: object, path: str = "") -> Iterator[tuple[str, Schedule]]:
    """Every schedule in a table of the config, with its dotted key."""
    if schedule := as_schedule(table):
        yield path, schedule
    elif isinstance(table, dict):
        for key, value in table.items():
            yield from schedules_in(value, f"{path}.{key}" if path else key)
    elif isinstance(table, list | tuple):
        for i, value in enumerate(table):
            yield from schedules_in(value, f"{path}[{i}]")


def _kind(value: object) -> str:
    return "schedule" if isinstance(value, dict | Schedule) else "number"


def _ends(limit: str = "", below: float = math.inf, high: float = math.inf) -> AfterValidator:
    def check(schedule: Schedule) -> Schedule:
        for end in (schedule.start, schedule.end):
            if end is not None and not (0 <= end <= high and end < below):
                raise PydanticCustomError("ends", "from and to should be at least 0{limit}", {"limit": limit})
        return schedule

    return AfterValidator(check)


_ByKind = Discriminator(_kind)

Rate = Annotated[Annotated[float, Field(gt=0), Tag("number")] | Annotated[Schedule, _ends(), Tag("schedule")], _ByKind]
"""A learning rate, or its schedule."""
Decay = Annotated[
    Annotated[float, Field(ge=0, lt=1), Tag("number")]
    | Annotated[Schedule, _ends(" and less than 1", below=1), Tag("schedule")],
    _ByKind,
]
"""A decay of a running mean, or its schedule."""
Weight = Annotated[
    Annotated[float, Field(ge=0), Tag("number")] | Annotated[Schedule, _ends(), Tag("schedule")], _ByKind
]
"""A weight or length that is not negative, or its schedule."""
Probability = Annotated[
    Annotated[float, Field(ge=0, le=1), Tag("number")]
    | Annotated[Schedule, _ends(" and at most 1", high=1), Tag("schedule")],
    _ByKind,
]
"""A probability, or its schedule."""
