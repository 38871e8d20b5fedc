"""Overhead of replay, logging with monitor, moving average, saving and scoring, in percent of a training step.

    python benchmarks/overheads.py [VARIANT ...] [--set KEY=VALUE] [--blocks 12]

CPU only, one thread. Each part is measured in the same process as the step, in turn (A B A B), by CPU time. Prints the
median over the blocks and, in brackets, the lowest and highest value.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import timing
import torch

from ganzoo.config.overrides import overrides
from ganzoo.config.tables import Table, merge
from ganzoo.training import checkpoint, ema
from ganzoo.training.evaluation import TrainingEvaluation
from ganzoo.training.failure_rules import RULES, Finding, new_findings
from ganzoo.training.log_record import log_terms
from ganzoo.training.release import write_release
from ganzoo.training.run_history import History
from ganzoo.training.trainer import Trainer

STEPS = 10  # per block
POOL = 50_000  # images
EVERY = 1000  # steps between scores


def trainer(variant: str, tables: Table) -> Trainer:
    """A trainer after three warm-up steps."""
    fixed: Table = {"train": {"threads": 1, "device": "cpu", "eval_every": EVERY}}
    made = timing.trainer(variant, merge(fixed, tables))
    timing.repeated(made.train_step, 3)
    return made


def seconds(do: Callable[[], object], times: int = 1) -> float:
    """CPU seconds per call."""
    began = time.process_time()
    for _ in range(times):
        do()
    return (time.process_time() - began) / times


def with_replay(variant: str, tables: Table) -> Trainer:
    """A trainer with a full replay pool."""
    made = trainer(variant, merge(tables, {"tricks": {"replay": {"capacity": POOL}}}))
    (pool,) = (trick for trick in made.tricks if trick.name == "replay")
    pool.seen.fill_(POOL)  # type: ignore[operator]
    return made


def watch(made: Trainer) -> list[Finding]:
    """The work of the log and the monitor for one record; returns what the monitor finds."""
    record = {"step": made.step, "terms": log_terms(made)}
    return new_findings(History([record] * 40), (), RULES)


def save(made: Trainer, folder: Path) -> None:
    """The work of a save, without the sample grid."""
    checkpoint.save_state(made, folder / "state", {"seconds": 0.0})
    write_release(made, folder / "release", 0.0)


PARTS = ("replay", "monitor", "average", "saving", "scoring")


def measure(variant: str, tables: Table, blocks: int, folder: Path) -> dict[str, list[float]]:
    """Cost of each part in percent of a step, block by block."""
    plain, replay = trainer(variant, tables), with_replay(variant, tables)
    train, evaluation = plain.config.train, TrainingEvaluation(plain)
    found: dict[str, list[float]] = {part: [] for part in PARTS}
    for _ in range(blocks):
        step = seconds(plain.train_step, STEPS)
        found["replay"].append(100 * (seconds(replay.train_step, STEPS) / step - 1))
        found["monitor"].append(100 * seconds(lambda: watch(plain)) / train.log_every / step)
        average = seconds(lambda: ema.update(plain.average, plain.G, train.ema_decay, plain.step), STEPS)
        found["average"].append(100 * average / step)
        found["saving"].append(100 * seconds(lambda: save(plain, folder)) / train.save_every / step)
        found["scoring"].append(100 * seconds(lambda: evaluation.run(EVERY)) / EVERY / step)
    return found


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="*", default=["nsgan", "wgan-gp", "began"])
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--blocks", type=int, default=12)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"| recipe | replay, pool of {POOL:,} | log and monitor | average of G | saving | KID every {EVERY:,} steps |"
    )
    print("|---" * (1 + len(PARTS)) + "|")
    for variant in given.variants:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(variant, overrides(given.settings), given.blocks, Path(folder))
        cells = (f"{median(v):.1f} % ({min(v):.1f} to {max(v):.1f})" for v in found.values())
        print(f"| `{variant}` | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
