"""The caller's global state of PyTorch changes no number, and comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import pytest
import torch
from safetensors.torch import load as load_tensors
from torch import Tensor

import ganzoo
from ganzoo import api
from ganzoo.data import load
from ganzoo.errors import InputError
from ganzoo.evaluation.checkerboard import energies
from ganzoo.evaluator import evaluate
from ganzoo.experiments.plan import Plan
from ganzoo.release.export import export
from ganzoo.sampling.projection import project
from ganzoo.torch_state import allow_tf32, default_torch_state, flushes_denormals
from ganzoo.training import checkpoint
from ganzoo.training.run_dir import RunDir
from small_runs import small, toy_data
from tiny_extractor import tiny

NEW = hasattr(torch.backends, "fp32_precision")
FLAGS = [
    *(("cudnn", name) for name in ("enabled", "benchmark", "deterministic")),
    ("mkldnn", "enabled"),
    *((name, "fp32_precision") for name in ("cuda.matmul", "cudnn.conv", "mkldnn.matmul", "mkldnn.conv") if NEW),
]


def holder(where: str):
    found = torch.backends
    for part in where.split("."):
        found = getattr(found, part)
    return found


def state() -> dict[str, object]:
    """All that a caller may have set."""
    found = {f"{where}.{name}": getattr(holder(where), name) for where, name in FLAGS}
    return found | {
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "cache": torch.is_autocast_cache_enabled(),
        "deterministic": torch.get_deterministic_debug_mode(),
        "flushes": flushes_denormals(),
        "threads": torch.get_num_threads(),
        "matmul": matmul_precision(),
    }


def matmul_precision() -> str:
    """The old interface for precision, which cannot be read where it was mixed with the new one."""
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:
        return "mixed"


@contextmanager
def put(setter: Callable[[object], object], value: object, back: object) -> Iterator[None]:
    setter(value)
    try:
        yield
    finally:
        setter(back)


def flag(where: str, name: str, value: object) -> AbstractContextManager[None]:
    return put(partial(setattr, holder(where), name), value, getattr(holder(where), name))


STATES: dict[str, Callable[[], AbstractContextManager]] = {
    "float64": lambda: put(torch.set_default_dtype, torch.float64, torch.float32),
    "bfloat16": lambda: put(torch.set_default_dtype, torch.bfloat16, torch.float32),
    "default-device": lambda: put(torch.set_default_device, "meta", None),
    "device-block": lambda: torch.device("meta"),
    "no-grad": torch.no_grad,
    "inference-mode": torch.inference_mode,
    "autocast-bf16": lambda: torch.autocast("cpu", torch.bfloat16),
    "autocast-without-cache": lambda: torch.autocast("cpu", torch.bfloat16, cache_enabled=False),
    "deterministic": lambda: put(torch.use_deterministic_algorithms, True, False),
    "deterministic-warn": lambda: put(torch.set_deterministic_debug_mode, "warn", "default"),
    "matmul-medium": lambda: put(torch.set_float32_matmul_precision, "medium", "highest"),
    "matmul-high": lambda: put(torch.set_float32_matmul_precision, "high", "highest"),
    "flush-denormal": lambda: put(torch.set_flush_denormal, True, False),
    "cudnn-benchmark": lambda: flag("cudnn", "benchmark", True),
    "cudnn-off": lambda: flag("cudnn", "enabled", False),
    "mkldnn-off": lambda: flag("mkldnn", "enabled", False),
    "seeded": lambda: put(torch.manual_seed, 5, 0),
}
if NEW:
    STATES |= {
        f"{where}-{value}": partial(flag, where, "fp32_precision", value)
        for where, value in (
            *(("mkldnn.matmul", "bf16"), ("mkldnn.conv", "bf16"), ("mkldnn.conv", "tf32")),
            *(("cuda.matmul", "tf32"), ("cudnn.conv", "ieee")),
        )
    }

EXTRACTOR = tiny()
DATA = toy_data(n=24, size=16)


def trained(folder, variant: str, **train) -> dict[str, Tensor]:
    """Every tensor of the state after a run of two steps that is resumed for one more."""
    run = api.train(small(variant, train={"steps": 2} | train), DATA, folder)
    api.resume(run, api.with_train(RunDir(run).config(), steps=3), DATA)
    return load_tensors((checkpoint.saved_states(run / "state")[-1] / "state.safetensors").read_bytes())


def drawn(sampler: ganzoo.sampling.Sampler) -> dict[str, Tensor]:
    """Images by every method, and what is measured of them."""
    picture = torch.linspace(-1, 1, 256, dtype=torch.float32, device="cpu").view(1, 16, 16)
    found = project(sampler, picture, steps=range(2), restarts=1, extractor=EXTRACTOR)
    return {
        "sample": sampler.sample(5, seed=2),
        "truncated": sampler.sample(3, truncation=0.7),
        "by-class": sampler.sample_per_class([0, 1]),
        "walk": sampler.walk([0, 3], 4, classes=[1], along="circle"),
        "inputs": sampler.inputs([0, 1]).z,
        "projected": found.image,
        "energies": energies(sampler.sample(2)),
        "features": EXTRACTOR(sampler.sample(2)).features,
    }


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A run, a sampler of it, and what is to come of both."""
    folder = tmp_path_factory.mktemp("plain")
    trained(folder / "run", "cgan")
    sampler = ganzoo.load(folder / "run")
    return {
        "folder": folder / "run",
        "sampler": sampler,
        "bf16": trained(folder / "bf16", "nsgan", precision="bf16"),
        "float32": trained(folder / "float32", "wgan-gp"),
        "drawn": drawn(sampler),
    }


def assert_same(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    assert found.keys() == wanted.keys()
    for name, value in found.items():
        assert value.dtype == wanted[name].dtype and value.device == wanted[name].device, name
        assert value.numpy(force=True).tobytes() == wanted[name].numpy(force=True).tobytes(), name


@pytest.mark.parametrize("name", STATES)
def test_images_are_the_same(name, plain):
    with STATES[name]():
        before = state()
        new, old = drawn(ganzoo.load(plain["folder"])), drawn(plain["sampler"])
        raw = ganzoo.sampling.load(plain["folder"], raw=True).generator.state_dict()
        assert state() == before
    assert_same(new, plain["drawn"])
    assert_same(old, plain["drawn"])
    assert not any(value.is_inference() for value in (*new.values(), *raw.values()))


@pytest.mark.parametrize("name", ["float64", "bfloat16", "default-device", "autocast-bf16", "inference-mode"])
def test_data_that_are_drawn_are_the_same(name):
    plain = load("ring").digest
    with STATES[name]():
        assert load("ring").digest == plain


@pytest.mark.parametrize("name", STATES)
def test_a_training_and_its_resume_are_the_same(name, plain, tmp_path):
    with STATES[name]():
        before = state()
        found = trained(tmp_path / "a", "wgan-gp")
        low = trained(tmp_path / "b", "nsgan", precision="bf16") if "autocast" in name else plain["bf16"]
        assert state() == before
    assert_same(found, plain["float32"])
    assert_same(low, plain["bf16"])


@pytest.mark.parametrize("name", ["float64", "autocast-bf16", "inference-mode"])
def test_scores_and_exports_are_the_same(name, plain, tmp_path):
    sampler = ganzoo.load(
        api.train(small("cgan", data={"spec": "digits", "max_images": 60}, train={"steps": 1}), out=tmp_path / "r")
    )

    def scores() -> list[float]:
        return [s.value for s in evaluate(sampler, metrics=["kid", "checkerboard"], extractor=EXTRACTOR, n=40).scores]

    def program(file) -> Tensor:
        export(plain["sampler"], tmp_path / file, "pt2")
        module = torch.export.load(tmp_path / file).module()
        inputs = plain["sampler"].inputs([0, 1])
        return module(z=inputs.z, labels=inputs.labels, code=None)

    expected = scores(), program("a.pt2")
    with STATES[name]():
        before = state()
        found = scores()
        export(plain["sampler"], tmp_path / "b.pt2", "pt2")
        assert state() == before
    assert found == expected[0] and torch.equal(program("c.pt2"), expected[1])


@pytest.mark.parametrize("name", STATES)
def test_the_state_comes_back_after_an_error(name, plain, tmp_path):
    with STATES[name]():
        before = state()
        with pytest.raises(InputError):
            api.train(small("acgan"), toy_data(classes=0), tmp_path / "run")
        with pytest.raises(InputError):
            plain["sampler"].sample(2, classes=["none such"])
        with pytest.raises(KeyboardInterrupt), default_torch_state():
            allow_tf32()
            torch.set_num_threads(2)
            raise KeyboardInterrupt
        assert state() == before


def test_the_number_of_threads_comes_back_from_a_training_and_a_plan(tmp_path):
    assert not hasattr(Plan.__init__, "__self__")  # a plan builds trainers; so does a training
    with put(torch.set_num_threads, 2, 1):
        api.train(small("nsgan", train={"steps": 1, "threads": 1}), toy_data(), tmp_path / "run")
        assert torch.get_num_threads() == 2


def test_within_the_block_all_is_as_pytorch_has_it_from_the_start():
    with torch.autocast("cpu", torch.bfloat16), torch.inference_mode(), torch.device("meta"):
        with default_torch_state():
            found = state()
            assert torch.zeros(1).device.type == "cpu" and torch.zeros(1).dtype == torch.float32
        assert torch.zeros(1).device.type == "meta"
    wanted = state() | {"cudnn.deterministic": True}
    precisions = [name for name in found if name.endswith("fp32_precision")]
    assert {name: found[name] for name in precisions} == dict.fromkeys(precisions, "ieee")
    assert {n: v for n, v in found.items() if n not in precisions} == {
        n: v for n, v in wanted.items() if n not in precisions
    }
