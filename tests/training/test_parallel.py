"""Several processes train as one: gloo on the CPU, two and four of them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from split_steps import ALL, outcome, trainer

from ganzoo import api
from ganzoo.training import checkpoint
from ganzoo.training.parallel import NEEDED, joined
from ganzoo.training.run import Run

SCRIPT = Path(__file__).with_name("split_steps.py")
CASES = {2: list(ALL), 4: ["began", "wgan-gp", "d-batch", "ebgan", "ssgan"]}


def start(size: int, arguments: list[str]) -> list[subprocess.Popen[str]]:
    """`python ARGUMENTS` as each of `size` processes that find each other."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = os.environ | {
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        "OMP_NUM_THREADS": "1",
    }
    return [
        subprocess.Popen(
            [sys.executable, *arguments], env=common | {"RANK": str(rank)}, stderr=subprocess.PIPE, text=True
        )
        for rank in range(size)
    ]


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    """A list for processes that a test starts; none outlives it."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module", params=CASES, ids="{} processes".format)
def results(request, tmp_path_factory) -> list[dict[str, torch.Tensor]]:
    """What each process wrote down of its cases."""
    folder = tmp_path_factory.mktemp("ranks")
    ranks = start(request.param, [str(SCRIPT), str(folder), *CASES[request.param]])
    for rank in ranks:
        said = rank.communicate(timeout=600)[1]
        assert rank.returncode == 0, said
    return [load_file(folder / f"{rank}.safetensors") for rank in range(request.param)]


def test_gradients_weights_and_terms_are_those_of_one_process_on_the_joint_batch(results):
    """For means over samples by averaged gradients, for what compares samples by gathered ones; in float64."""
    torch.set_default_dtype(torch.float64)
    try:
        for name in CASES[len(results)]:
            expected = outcome(trainer(*ALL[name]))
            assert any(key.startswith("grad.G") for key in expected)
            for result in results:
                found = {key.partition("/")[2]: v for key, v in result.items() if key.startswith(f"{name}/")}
                torch.testing.assert_close(found, expected, atol=1e-10, rtol=0, msg=lambda text, n=name: f"{n}: {text}")
    finally:
        torch.set_default_dtype(torch.float32)


def test_weights_and_buffers_of_all_processes_have_the_same_bytes_for_100_steps(results):
    """Under batch norm too, whose statistics each process takes of its own rows."""
    prints = [result["fingerprints"] for result in results]
    assert len(set(prints[0].tolist())) == 100
    assert all(torch.equal(prints[0], other) for other in prints)


@pytest.fixture
def pictures(tmp_path) -> str:
    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28), np.uint8)
    np.savez(tmp_path / "data.npz", images=images)
    return f"npz:{tmp_path / 'data.npz'}"


def command(pictures: str, folder: Path, steps: int) -> list[str]:
    """`ganzoo train` of a small run without batch norm, by plain gradient descent, which rounding does not lead astray."""
    networks = [
        f"networks.{player}.{key}" for player in ("generator", "discriminator") for key in ("norm='none'", "width=4")
    ]
    train = ["batch=8", "save_every=4", "sample_every=1000", "log_every=4", "threads=1", "device='cpu'"]
    train += [f"{player}={{name='sgd', lr=0.05}}" for player in ("generator", "discriminator")]
    sets = [*networks, *(f"train.{setting}" for setting in train)]
    words = ["train", "nsgan", "--data", pictures, "--out", str(folder), "--steps", str(steps)]
    return ["-m", "ganzoo", *words, *(word for setting in sets for word in ("--set", setting))]


def test_torchrun_trains_a_run_that_another_number_of_processes_goes_on_with(pictures, tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*torchrun, *command(pictures, tmp_path / "run", 4)], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(" weights, cpu") == 1, "the first process alone speaks"
    assert [record["step"] for record in Run(tmp_path / "run").records()] == [1, 4]
    run = Run.open(tmp_path / "run")
    config = run.config()
    longer = config.model_copy(update={"train": config.train.model_copy(update={"steps": 8})})
    api.resume(run.folder, longer)
    alone = api.train(longer, out=tmp_path / "alone")
    ours, theirs = (load_file(folder / "state/00000008/state.safetensors") for folder in (run.folder, alone))
    names = [name for name in theirs if name.startswith(("generator.", "discriminator.", "average."))]
    torch.testing.assert_close({n: ours[n] for n in names}, {n: theirs[n] for n in names}, atol=1e-6, rtol=0)
    counters = [checkpoint.read_state(folder / "state/00000008")[1]["counters"] for folder in (run.folder, alone)]
    assert counters[0] == counters[1]


def wait_for(path: Path, ranks: list[subprocess.Popen[str]]) -> None:
    """Until `path` is there; a process that ends before is a failure."""
    while not path.exists():
        ended = [rank for rank in ranks if rank.poll() is not None]
        assert not ended, ended[0].communicate()[1]
        time.sleep(0.05)


def test_if_one_is_killed_all_end_with_a_line_and_what_was_saved_is_whole(pictures, tmp_path, processes):
    processes += start(2, command(pictures, tmp_path / "run", 10**6))
    wait_for(tmp_path / "run/state/00000008", processes)
    processes[1].kill()
    said = processes[0].communicate(timeout=600)[1]
    assert processes[0].returncode == 1
    assert "ganzoo: rank 0 of 2 has lost another process" in said and "Traceback" not in said
    states = checkpoint.states(tmp_path / "run/state")
    assert [int(checkpoint.read_state(path)[1]["counters"]["step"]) for path in states] == [int(p.name) for p in states]


def test_ctrl_c_stops_all_after_the_same_step_with_all_saved(pictures, tmp_path, processes):
    processes += start(2, command(pictures, tmp_path / "run", 10**6))
    wait_for(tmp_path / "run/state/00000004", processes)
    processes[1].send_signal(signal.SIGINT)  # one is enough
    said = [process.communicate(timeout=600)[1] for process in processes]
    assert [process.returncode for process in processes] == [130, 130]
    stopped = [
        line.partition("after step ")[2].split()[0] for text in said for line in text.splitlines() if "stopped" in line
    ]
    assert len(stopped) == 2 and stopped[0] == stopped[1]
    assert (tmp_path / f"run/state/{int(stopped[0]):08d}").is_dir()


def test_one_process_forms_no_group(monkeypatch):
    for name in NEEDED:
        monkeypatch.delenv(name, raising=False)
    with joined() as group:
        assert group.size == 1 and group.first and not torch.distributed.is_initialized()
        rows = torch.ones(3)
        assert group.gather(rows) is rows and group.agree(False) is False and group.same(lambda: b"a") == b"a"
