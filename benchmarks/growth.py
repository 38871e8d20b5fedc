"""How the cost of a training step grows with image size, width, batch, data and processes, and how long a start takes.

    python benchmarks/growth.py OUT.json [--only size width batch data processes networks start] [--threads 1] [--rounds 7]
                                [--clock wall|cpu] [--plot [PAGE]]

A cycle is one D and one G step of `nsgan` on the dcgan backbone, three colours, 32 pixels, width 32 and batch 64 but for what
is varied. What is compared is measured in turn, round by round (A B C A B C), after a round that does not count; OUT.json
holds every round. A part that stands there already is not measured again, so a run that was stopped goes on. Ten minutes in
all, and 4 GB of disk beside OUT.json while `data` is measured. On a machine with other work only `--clock cpu` means
anything; `processes` and `start` are of waiting too, and always by the wall clock.

`networks` is what the reasoning about more machines starts from: networks of benchmarks/steps.py, their weights, seconds and
floating-point operations. `--plot` then draws OUT.svg and writes the tables into PAGE (docs/growth.md), below its mark.
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
    """Measure what OUT.json does not hold yet, and write it part by part."""
    found = json.loads(out.read_text(encoding="utf-8"))["parts"] if out.exists() else {}
    for name in names:
        if name not in found:
            print(f"{name} ...", file=sys.stderr, flush=True)
            found[name] = c.facts() | {"points": PARTS[name](c)}
            out.write_text(as_json(found), encoding="utf-8")


def as_json(found: dict[str, Any]) -> str:
    """A point a line."""
    parts = []
    for name, part in found.items():
        points = ",\n    ".join(json.dumps(point) for point in part["points"])
        facts = json.dumps({key: value for key, value in part.items() if key != "points"})
        parts.append(f'  "{name}": {facts[:-1]}, "points": [\n    {points}]}}')
    return '{"format": 1, "parts": {\n' + ",\n".join(parts) + "\n}}\n"


def main() -> None:
    """Measure, write, draw."""
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
