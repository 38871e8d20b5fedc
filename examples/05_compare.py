"""Compare two losses under one budget and several seeds. Needs the extra `eval`.

Prints the table of the comparison (median FID over the seeds, lower is better) and the path of the report. Finished runs are
kept: started again, it does what is left. 40 steps are too few to rank losses; use thousands, and four seeds or more.

    python examples/05_compare.py [--steps 40] [--seeds 2] [--samples 300] [--out runs/versus]
"""

import argparse
from pathlib import Path

import ganzoo


def main() -> None:
    """Two losses times `--seeds` trainings, one after the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--out", type=Path, default=Path("runs/versus"))
    given = parser.parse_args()

    folder = ganzoo.compare(
        ["nsgan", "hinge"],
        given.out,
        budget=f"steps={given.steps}",
        seeds=given.seeds,
        n=given.samples,
        metrics=["fid"],
        quiet=False,
    )
    print((folder / "table.md").read_text(encoding="utf-8"))
    print(f"report: {folder / 'report.html'}")


if __name__ == "__main__":
    main()
