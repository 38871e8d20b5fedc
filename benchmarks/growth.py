"""Growth of the cost of a training step with image size, width, batch, data and processes; time to the first step.

    python benchmarks/growth.py OUT.json [--only size width batch data processes networks start] [--threads 1] [--rounds 7]
                                [--clock wall|cpu] [--plot [PAGE]]

A cycle is one D step and one G step of `nsgan` on the dcgan backbone with three channels, 32 pixels, width 32 and batch 64,
except for the varied quantity. Compared points are measured in turn, round by round (A B C A B C), after one round that is
discarded; OUT.json holds every round. A part in OUT.json is not measured again, so an interrupted measurement resumes. It
takes ten minutes in total, and 4 GB of disk next to OUT.json for `data`. On a busy machine use `--clock cpu`; `processes`
and `start` include waiting and always use the wall clock.

`networks` measures the input of the estimates for more machines: weights, seconds and floating-point operations of the
networks of benchmarks/steps.py. `--plot` draws OUT.svg and writes the tables into
PAGE (docs/reports/growth.md), below its mark.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from growth_page import write_page
from growth_parts import Conditions, Point, of_batch, of_data, of_networks, of_size, of_start, of_width
from growth_processes import of_processes
from timing import CLOCKS

PAGE = Path(__file__).parents[1] / "docs/reports/growth.md"
PARTS: dict[str, Callable[[Conditions], list[Point]]] = {
    "size": of_size,
    "width": of_width,
    "batch": of_batch,
    "data": of_data,
    "processes": of_processes,
    "networks": of_networks,
    "start": of_start,
}


def measure(out: Path, names: Sequence[str], c: Conditions) -> None:
    """Measure the parts that are not in OUT.json yet, and write it after each part."""
    found = json.loads(out.read_text(encoding="utf-8"))["parts"] if out.exists() else {}
    for name in names:
        if name not in found:
            print(f"{name} ...", file=sys.stderr, flush=True)
            found[name] = c.facts() | {"points": PARTS[name](c)}
            out.write_text(as_json(found), encoding="utf-8")


def as_json(found: dict[str, Any]) -> str:
    """The parts as JSON with one point per line."""
    parts = []
    for name, part in found.items():
        points = ",\n    ".join(json.dumps(point) for point in part["points"])
        facts = json.dumps({key: value for key, value in part.items() if key != "points"})
        parts.append(f'  "{name}": {facts[:-1]}, "points": [\n    {points}]}}')
    return '{"format": 1, "parts": {\n' + ",\n".join(parts) + "\n}}\n"


def main() -> None:
    """Measure, write and plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--plot", nargs="?", type=Path, const=PAGE, metavar="PAGE")
    given = parser.parse_args()
    conditions = Conditions(given.threads, given.rounds, given.clock, given.out.resolve().parent)
    measure(given.out, given.only, conditions)
    if given.plot:
        write_page(given.out, given.plot)


if __name__ == "__main__":
    main()
