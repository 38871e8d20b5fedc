"""A script that is several processes of one run, forked after a single import.

`ranks.py SIZE steps FOLDER CASE ...` writes down what the cases come to in each; `ranks.py SIZE ganzoo ARGUMENT ...` is
the command line in each. Prints the processes' numbers, then their exit codes.
"""

from __future__ import annotations

import os
import socket
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).parents[1]))

from split_steps import ALL, data, fingerprints, outcome, trainer

from ganzoo import cli
from ganzoo.builder import resolve_config
from ganzoo.training.checkpoint import broadcast_state
from ganzoo.training.distributed import process_group
from ganzoo.training.loop import make_trainer
from small_runs import small

STEPS = {2: 100, 4: 10}
"""Steps whose bytes are compared, by the number of processes."""


def write_down(folder: Path, names: list[str]) -> int:
    """What the cases `names` come to in this process, as `folder`/<rank>.safetensors."""
    warnings.simplefilter("ignore")
    with process_group("cpu") as group:
        torch.set_default_dtype(torch.float64)
        found = {}
        for name in names:
            made = trainer(*ALL[name], group, gradient_accumulation=2 if name in ("hinge", "began") else 1)
            found |= {f"{name}/{k}": v for k, v in outcome(made).items()}
        torch.set_default_dtype(torch.float32)
        t = make_trainer(resolve_config(small("nsgan", train={"batch_size": 8}), data({})), data({}), group)
        if not group.is_first:
            next(t.G.parameters()).data.zero_()  # which the first process must put right
        broadcast_state(t)
        found["fingerprints"] = fingerprints(t, STEPS[group.size])
        save_file({key: value.contiguous() for key, value in found.items()}, folder / f"{group.rank}.safetensors")
    return 0


def begin(rank: int, work: Callable[[], int]) -> int:
    """Fork a process with this rank that does `work`; its number."""
    if number := os.fork():
        return number
    os.environ["RANK"] = str(rank)
    code = 70
    try:
        code = work()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main(size: int, what: str, *arguments: str) -> None:
    """Begin all, say which they are, wait for all, say how they ended."""
    torch.set_num_threads(1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ |= {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    works = {
        "steps": lambda: write_down(Path(arguments[0]), list(arguments[1:])),
        "ganzoo": lambda: cli.run(list(arguments)),
    }
    numbers = [begin(rank, works[what]) for rank in range(size)]
    print(*numbers, flush=True)
    print(*(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) for number in numbers))


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
