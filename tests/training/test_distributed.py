"""Several processes train as one: gloo on the CPU, two and four of them."""

from __future__ import annotations

import os
import signal
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
from ganzoo.atomic_io import read_json, sha256_hex
from ganzoo.errors import InputError
from ganzoo.training import checkpoint
from ganzoo.training.distributed import ENVIRONMENT_VARIABLES, local_gpu, process_group
from ganzoo.training.run_dir import RunDir

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes of a test are forked")

SCRIPT = Path(__file__).with_name("ranks.py")
CASES = {2: list(ALL), 4: ["began", "d-batch", "ebgan"]}


class Ranks:
    """Several processes of one run; see `ranks.py`."""

    def __init__(self, size: int, *arguments: str) -> None:
        self.parent = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(size), *arguments],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.parent.stdout is not None
        self.numbers = [int(number) for number in self.parent.stdout.readline().split()]

    def end(self) -> tuple[list[int], str]:
        """Wait; their exit codes, and all that they said on stderr."""
        out, said = self.parent.communicate(timeout=600)
        return [int(code) for code in out.splitlines()[-1].split()], said

    def wait_for(self, path: Path) -> None:
        """Until `path` is there; that they end before is a failure."""
        while not path.exists():
            assert self.parent.poll() is None, self.end()
            time.sleep(0.02)

    def clear_away(self) -> None:
        """Leave none behind."""
        if self.parent.poll() is None:
            for number in self.numbers:
                os.kill(number, signal.SIGKILL)
            self.parent.communicate()


@pytest.fixture(scope="module", params=CASES, ids="{} processes".format)
def results(request, tmp_path_factory) -> list[dict[str, torch.Tensor]]:
    """What each process wrote down of its cases."""
    folder = tmp_path_factory.mktemp("ranks")
    codes, said = Ranks(request.param, "steps", str(folder), *CASES[request.param]).end()
    assert codes == [0] * request.param, said
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


def test_weights_and_buffers_of_all_processes_have_the_same_bytes_after_every_step(results):
    """Under batch norm too, whose statistics each process takes of its own rows."""
    prints = [result["fingerprints"] for result in results]
    assert len(set(prints[0].tolist())) == {2: 100, 4: 10}[len(results)]
    assert all(torch.equal(prints[0], other) for other in prints)


@pytest.fixture
def pictures(tmp_path) -> str:
    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28), np.uint8)
    np.savez(tmp_path / "data.npz", images=images)
    return f"npz:{tmp_path / 'data.npz'}"


def command(pictures: str, folder: Path, steps: int) -> list[str]:
    """`ganzoo train` of a small run without batch norm, by plain gradient descent, which rounding does not lead astray."""
    players = ("generator", "discriminator")
    networks = [f"networks.{player}.{key}" for player in players for key in ("norm='none'", "width=4")]
    train = ["batch_size=8", "save_every=4", "sample_every=1000", "log_every=4", "threads=1", "device='cpu'"]
    train += ["precision='float32'", "lr_decay_steps=0"]
    train += [f"{player}={{name='sgd', lr=0.05}}" for player in players]
    sets = [*networks, *(f"train.{setting}" for setting in train)]
    words = ["train", "nsgan", "--data", pictures, "--out", str(folder), "--steps", str(steps)]
    return [*words, *(word for setting in sets for word in ("--set", setting))]


def test_torchrun_trains_a_run_that_other_numbers_of_processes_go_on_with(pictures, tmp_path):
    """Two processes train 4 steps, one 4 more, two another 4: as if one had trained all 12."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "ganzoo"]
    words = [*torchrun, *command(pictures, tmp_path / "run", 4)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(" weights, cpu") == 1, "the first process alone speaks"
    assert [record["step"] for record in RunDir(tmp_path / "run").records()] == [1, 4]
    run = RunDir.open(tmp_path / "run")
    config = run.config()
    api.resume(run.folder, config.model_copy(update={"train": config.train.model_copy(update={"steps": 8})}))
    codes, said = Ranks(2, "ganzoo", "train", "--resume", str(run.folder), "--steps", "12", "--quiet").end()
    assert codes == [0, 0], said
    alone = api.train(run.config(), out=tmp_path / "alone")
    ours, theirs = (load_file(folder / "state/00000012/state.safetensors") for folder in (run.folder, alone))
    counters, expected = (read_json(folder / "state/00000012/state.json") for folder in (run.folder, alone))
    names = [name for name in theirs if name.startswith(("generator.", "discriminator.", "average."))]
    torch.testing.assert_close({n: ours[n] for n in names}, {n: theirs[n] for n in names}, atol=1e-6, rtol=0)
    before = load_file(alone / "state/00000008/state.safetensors")
    assert max((before[name] - theirs[name]).abs().max() for name in names) > 1e-4
    assert counters["counters"] == expected["counters"]


@pytest.fixture
def two(pictures, tmp_path) -> Iterator[Ranks]:
    """Two processes of a run without end in `tmp_path`/run."""
    ranks = Ranks(2, "ganzoo", *command(pictures, tmp_path / "run", 10**6))
    yield ranks
    ranks.clear_away()


def test_if_one_is_killed_all_end_with_a_line_and_what_was_saved_is_whole(two, tmp_path):
    two.wait_for(tmp_path / "run/state/00000008")
    os.kill(two.numbers[1], signal.SIGKILL)
    codes, said = two.end()
    assert codes == [1, -signal.SIGKILL]
    assert said.count("ganzoo: rank 0 of 2 lost another process") == 1 and "Traceback" not in said
    states = checkpoint.saved_states(tmp_path / "run/state")
    config = RunDir(tmp_path / "run").config()
    facts = [checkpoint.read_state_record(path, config) for path in states]
    assert [int(each["counters"]["step"]) for each in facts] == [int(p.name) for p in states]
    assert [sha256_hex((p / "state.safetensors").read_bytes()) for p in states] == [each["sha256"] for each in facts]


def test_ctrl_c_on_one_stops_all_after_the_same_step_with_all_saved(two, tmp_path):
    two.wait_for(tmp_path / "run/state/00000004")
    os.kill(two.numbers[1], signal.SIGINT)
    codes, said = two.end()
    assert codes == [130, 130]
    stopped = [line.partition("after step ")[2].split()[0] for line in said.splitlines() if "stopped" in line]
    assert len(stopped) == 2 and stopped[0] == stopped[1]
    assert (tmp_path / f"run/state/{int(stopped[0]):08d}").is_dir()


@pytest.mark.parametrize(
    ("set_", "number"), [({"LOCAL_RANK": "1"}, 1), ({"RANK": "3"}, 1), ({"LOCAL_RANK": "2"}, None)]
)
def test_a_process_takes_the_card_of_its_number(set_, number, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    for name, value in ({"RANK": "0"} | set_).items():
        monkeypatch.setenv(name, value)
    if number is not None:
        assert local_gpu() == number
    else:
        with pytest.raises(InputError, match="process 2 has no GPU: this machine has 2"):
            local_gpu()


def test_processes_on_a_cpu_touch_no_card(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", asked.append)
    monkeypatch.setattr(torch.distributed, "init_process_group", asked.append)
    monkeypatch.setattr(torch.distributed, "destroy_process_group", lambda: None)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "x", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    with process_group("cpu") as group:
        assert (group.rank, group.size) == (1, 2) and asked == ["gloo"]


def test_one_process_forms_no_group(monkeypatch):
    for name in ENVIRONMENT_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with process_group("cpu") as group:
        assert group.size == 1 and group.is_first and not torch.distributed.is_initialized()
        rows = torch.ones(3)
        assert (
            group.gather(rows) is rows
            and group.all_agree(False) is False
            and group.broadcast_bytes(lambda: b"a") == b"a"
        )
