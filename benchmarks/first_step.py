"""Seconds of each stage of `ganzoo train` up to the end of its first step, printed as JSON.

    python benchmarks/first_step.py STARTED train nsgan --data digits --steps 1 ...

STARTED is the time (`time.time()`) at which the caller started this process, so that the start of the interpreter is
included. The rest is an ordinary command; the timed functions are wrapped. Run by benchmarks/growth.py.
"""

import time

marks = {"python": time.time()}

import torch  # noqa: E402, F401

marks["import torch"] = time.time()

import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

from ganzoo import api, cli  # noqa: E402
from ganzoo.cli import train  # noqa: E402, F401
from ganzoo.training.trainer import Trainer  # noqa: E402

marks["import ganzoo"] = time.time()


def noted(call: Callable[..., Any], before: str | None, after: str) -> Callable[..., Any]:
    """Wrap `call` so that it records the time at its start and end."""

    def wrapper(*given: Any, **named: Any) -> Any:
        if before:
            marks[before] = time.time()
        result = call(*given, **named)
        marks[after] = time.time()
        return result

    return wrapper


def main(started: str, *command: str) -> None:
    """Train, then print the stages."""
    api.load_data = noted(api.load_data, None, "config and data")
    Trainer.train_step = noted(Trainer.train_step, "networks and optimizers", "first step")  # type: ignore[method-assign]
    try:
        cli.main(list(command))
    finally:
        edges = [float(started), *marks.values()]
        print(json.dumps({name: edge - edges[i] for i, (name, edge) in enumerate(marks.items())}))


if __name__ == "__main__":
    main(*sys.argv[1:])
