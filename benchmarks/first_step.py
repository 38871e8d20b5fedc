"""`ganzoo train` that prints, as JSON, the seconds of each stage up to the end of its first step.

    python benchmarks/first_step.py STARTED train nsgan --data digits --steps 1 ...

STARTED is the clock (`time.time()`) at which the caller started this process, so that the interpreter's own start counts;
behind it stands the command, which is the real one: what is timed is called through a wrapper. benchmarks/growth.py runs it.
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
    """`call`, which notes the clock when it begins and when it ends."""

    def wrapper(*given: Any, **named: Any) -> Any:
        if before:
            marks[before] = time.time()
        result = call(*given, **named)
        marks[after] = time.time()
        return result

    return wrapper


def main(started: str, *command: str) -> None:
    """Train, then print."""
    api.load_data = noted(api.load_data, None, "config and data")
    Trainer.train_step = noted(Trainer.train_step, "networks and optimisers", "first step")  # type: ignore[method-assign]
    try:
        cli.main(list(command))
    finally:
        edges = [float(started), *marks.values()]
        print(json.dumps({name: edge - edges[i] for i, (name, edge) in enumerate(marks.items())}))


if __name__ == "__main__":
    main(*sys.argv[1:])
