"""`ganzoo.experiments.worker` with the stand-in for the score."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from stand_ins import score  # noqa: E402

from ganzoo.experiments import worker  # noqa: E402

if __name__ == "__main__":
    sys.exit(worker.main(score))
