"""A state that was changed in any way is refused before anything of it is used, and passed over at a resume."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn, optim

from ganzoo import api
from ganzoo.atomic_io import sha256_hex
from ganzoo.builder import make_optimizer, resolve_config
from ganzoo.config.tables import Table
from ganzoo.errors import DamagedFile, InputError
from ganzoo.optimizers import OPTIMIZERS
from ganzoo.training import checkpoint, session, state_tensors
from ganzoo.training.checkpoint import state_digest
from ganzoo.training.loop import make_trainer
from ganzoo.training.run_dir import RunDir
from ganzoo.training.trainer import Trainer
from small_runs import small, toy_data

Tensors = dict[str, Tensor]
ADAM = {"name": "adam", "lr": 2e-4, "betas": [0.5, 0.999]}


def made(steps: int, **train: Table) -> Trainer:
    data = toy_data(size=16)
    trainer = make_trainer(resolve_config(small("nsgan", train=train), data), data)
    for _ in range(steps):
        trainer.train_step()
    return trainer


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """The state of step 2 of a trainer as `made` makes it."""
    return checkpoint.save_state(made(2), tmp_path_factory.mktemp("state"), {"seconds": 1.5})


@pytest.fixture
def state(saved, tmp_path) -> Path:
    return shutil.copytree(saved, tmp_path / saved.name)


def forge(state: Path, tensors: Tensors | None = None, before: bool = False, **facts: object) -> None:
    """Another content, with every digest right; `before` as the first version wrote it, with that of the tensors alone."""
    if tensors is not None:
        (state / "state.safetensors").write_bytes(save(tensors))
    table = json.loads((state / "state.json").read_text()) | facts
    table["sha256"] = sha256_hex((state / "state.safetensors").read_bytes())
    table = {k: v for k, v in table.items() if not (before and k in ("digest", "config"))}
    (state / "state.json").write_text(json.dumps(table if before else table | {"digest": state_digest(table)}))


def tensors_of(trainer: Trainer) -> Tensors:
    return {name: value.clone() for name, value in state_tensors.state_tensors(trainer).items()}


def same(one: Tensors, other: Tensors) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


D3 = "optimiser.discriminator.3.exp_avg"
G0 = "optimiser.generator.0"
CHANGES: dict[str, Callable[[Tensors], Tensors]] = {
    "half of a moment": lambda t: t | {D3: t[D3].flatten()[: t[D3].numel() // 2].clone()},
    "a moment without elements": lambda t: t | {D3: t[D3].flatten()[:0].clone()},
    "a moment twice as long": lambda t: t | {D3: torch.cat([t[D3], t[D3]])},
    "a moment of integers": lambda t: t | {D3: t[D3].int()},
    "a moment in double precision": lambda t: t | {D3: t[D3].double()},
    "a second moment that is missing": lambda t: without(t, f"{G0}.exp_avg_sq"),
    "a step that is missing": lambda t: without(t, f"{G0}.step"),
    "a step of two numbers": lambda t: t | {f"{G0}.step": torch.ones(2)},
    "no optimizer": lambda t: without(t, "optimiser."),
    "no optimizer of G": lambda t: without(t, "optimiser.generator."),
    "one more moment": lambda t: t | {f"{G0}.momentum_buffer": t[f"{G0}.exp_avg"].clone()},
    "one more parameter": lambda t: t | {"optimiser.generator.99.exp_avg": torch.ones(3)},
    "a parameter that is no number": lambda t: t | {"optimiser.generator.x.exp_avg": torch.ones(3)},
    "no average": lambda t: without(t, "average."),
    "a weight of another shape": lambda t: {n: v[..., :1].clone() if n == weight(t) else v for n, v in t.items()},
    "a weight of integers": lambda t: {n: v.int() if n == weight(t) else v for n, v in t.items()},
    "the probe's memory of another length": lambda t: t | {"probe.past": t["probe.past"][:3].clone()},
    "the probe's count as a float": lambda t: t | {"probe.count": t["probe.count"].float()},
    "a tensor of nobody": lambda t: t | {"stranger": torch.ones(3)},
}


def without(tensors: Tensors, prefix: str) -> Tensors:
    return {name: value for name, value in tensors.items() if not name.startswith(prefix)}


def weight(tensors: Tensors) -> str:
    return next(name for name, value in tensors.items() if name.startswith("discriminator.") and value.ndim == 4)


@pytest.mark.parametrize("before", [False, True], ids=["now", "as written before"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_does_not_fit_is_refused_before_anything_is_copied(change, before, state):
    tensors = CHANGES[change](load_file(state / "state.safetensors"))
    forge(state, tensors, before)
    trainer = made(1)
    untouched, counters = tensors_of(trainer), trainer.counters()
    with pytest.raises(DamagedFile, match=f"{state}/state.safetensors does not fit: ") as error:
        checkpoint.restore_trainer(trainer, state)
    assert "\n" not in str(error.value)
    assert same(tensors_of(trainer), untouched) and trainer.counters() == counters


@pytest.mark.parametrize("before", [False, True], ids=["now", "as written before"])
def test_what_fits_is_restored(before, state):
    forge(state, before=before)
    trainer = made(0)
    assert checkpoint.restore_trainer(trainer, state)["seconds"] == 1.5
    assert same(tensors_of(trainer), load_file(state / "state.safetensors")) and trainer.step == 2


def test_moments_from_before_the_first_step_are_refused(state, tmp_path):
    fresh = checkpoint.save_state(made(0), tmp_path / "fresh", {"seconds": 0.0})
    first = load_file(fresh / "state.safetensors")
    assert not any(name.startswith("optimiser.") for name in first)
    moments = load_file(state / "state.safetensors")
    forge(fresh, first | {name: value for name, value in moments.items() if name.startswith("optimiser.")})
    with pytest.raises(DamagedFile, match=r"tensor 'optimiser.*is not expected"):
        checkpoint.restore_trainer(made(1), fresh)


def test_no_flipped_bit_of_the_facts_is_taken(state):
    """What is read without an error is what was written: JSON has letters that may be of either case."""
    path, config = state / "state.json", made(0).config
    content, whole = path.read_bytes(), checkpoint.read_state_record(state, config)
    taken = []
    for position in range(0, 8 * len(content), 11):
        damaged = bytearray(content)
        damaged[position // 8] ^= 1 << position % 8
        path.write_bytes(damaged)
        try:
            taken.append(checkpoint.read_state_record(state, config) == whole)
        except InputError as error:
            assert "\n" not in str(error)
    assert all(taken)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"step": 2', '"step": 3'),
        ('"d_steps": 2', '"d_steps": 1'),
        ('"position": ', '"position": 1'),
        ('"seconds": 1.5', '"seconds": 1.25'),
        ('"digest"', '"digesT"'),
        ('"config"', '"confiG"'),
        ('"lr": 0.0005', '"lr": 0.0003'),
    ],
)
def test_one_digest_covers_every_fact(old, new, state):
    text = (state / "state.json").read_text()
    assert old in text
    (state / "state.json").write_text(text.replace(old, new, 1))
    with pytest.raises(DamagedFile, match=f"{state} is damaged: its SHA-256 is not the one in its state.json"):
        checkpoint.restore_trainer(made(0), state)


@pytest.mark.parametrize(
    "facts",
    [
        {"counters": 3},
        {"counters": {"step": 2}},
        {"counters": {}},
        {"seconds": "long"},
        {"counters": {"step": 2, "d_steps": 2.5, "g_steps": 2, "images": 8, "rollbacks": 0, "position": 8}},
        {"counters": {"step": 2, "d_steps": -2, "g_steps": 2, "images": 8, "rollbacks": 0, "position": 8}},
        {"counters": {"step": 3, "d_steps": 2, "g_steps": 2, "images": 8, "rollbacks": 0, "position": 8}},
    ],
)
@pytest.mark.parametrize("before", [False, True], ids=["now", "as written before"])
def test_facts_that_cannot_be_used_are_refused(facts, before, state):
    forge(state, before=before, **facts)
    with pytest.raises(DamagedFile, match=f"{state}.* is damaged: "):
        checkpoint.restore_trainer(made(0), state)


def trained(folder: Path) -> Path:
    return api.train(small("nsgan", train={"steps": 4, "save_every": 2}), toy_data(size=16), folder)


def content(run: Path) -> dict[str, bytes]:
    return {str(p.relative_to(run)): p.read_bytes() for p in run.rglob("*.safetensors")}


def test_a_state_that_does_not_fit_is_passed_over_in_one_line(tmp_path, capsys):
    run = trained(tmp_path / "run")
    whole, last = content(run), run / "state/00000004"
    forge(last, CHANGES["half of a moment"](load_file(last / "state.safetensors")))
    capsys.readouterr()
    api.resume(run, data=toy_data(size=16), quiet=False)
    said = [line for line in capsys.readouterr().err.splitlines() if "skipped: " in line]
    assert len(said) == 1 and f"{last}/state.safetensors does not fit: tensor '{D3}'" in said[0]
    assert content(run) == whole


def test_a_config_that_was_edited_is_refused_with_the_key(tmp_path):
    run = trained(tmp_path / "run")
    text = (run / "config.json").read_text()
    (run / "config.json").write_text(text.replace('"lr": 0.0005', '"lr": 0.01', 1))
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    words = r"4 was saved with another config.json \(train.discriminator.lr: 0.0005 -> 0.01\); undo that change$"
    with pytest.raises(InputError, match=words):
        api.resume(run, data=toy_data(size=16))
    assert before == {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    with pytest.raises(InputError, match=words):
        checkpoint.read_state_record(run / "state/00000004", RunDir.open(run).config())
    (run / "config.json").write_text(text.replace('"steps": 4', '"steps": 5'))
    api.resume(run, data=toy_data(size=16))
    assert RunDir(run).records()[-1]["step"] == 5


class Lazy(optim.Optimizer):
    """Keeps a slow copy of each weight from the third step on, and one number for all of them."""

    def __init__(self, params, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                state["count"] = state.get("count", torch.zeros(1, dtype=torch.int64)) + 1
                if state["count"] == 3:
                    state["slow"] = p.clone()
                if p.grad is not None:
                    p.sub_(p.grad, alpha=group["lr"])


PLUGINS: dict[str, Callable[..., optim.Optimizer]] = {
    "adamw": lambda params, *, lr=1e-3: optim.AdamW(params, lr, amsgrad=True),
    "adagrad": lambda params, *, lr=1e-3: optim.Adagrad(params, lr),
    "adafactor": lambda params, *, lr=1e-3: optim.Adafactor(params, lr),
    "nadam": lambda params, *, lr=1e-3: optim.NAdam(params, lr),
    "lazy": lambda params, *, lr=1e-3: Lazy(params, lr),
    "two-groups": lambda params, *, lr=1e-3: optim.SGD(by_dimensions(list(params)), lr, 0.9),
}


def by_dimensions(params: list[nn.Parameter]) -> list[Table]:
    return [{"params": [p for p in params if p.ndim < 2]}, {"params": [p for p in params if p.ndim > 1]}]


@pytest.mark.parametrize("name", [*OPTIMIZERS, *PLUGINS])
def test_any_optimizer_is_known_by_what_it_makes(name, tmp_path, monkeypatch):
    for plugin, make in PLUGINS.items():
        monkeypatch.setitem(OPTIMIZERS, plugin, make)
    table = {"generator": {"name": name, "lr": 1e-3}, "discriminator": ADAM}
    trainer, other = made(0, **table), made(0, **table)
    for _ in range(4):
        path = checkpoint.save_state(trainer, tmp_path, {"seconds": 0.0})
        checkpoint.restore_trainer(other, path)
        assert same(tensors_of(other), tensors_of(trainer))
        trainer.train_step()


def test_a_weight_that_never_had_a_gradient_has_no_moments(tmp_path):
    def widened() -> Trainer:
        trainer = made(0)
        trainer.G.unused = nn.Parameter(torch.ones(3))
        trainer.average.unused = nn.Parameter(torch.ones(3))
        trainer.opt_g = make_optimizer(trainer.config.train.generator, trainer.G)
        return trainer

    trainer, other = widened(), widened()
    trainer.train_step()
    path = checkpoint.save_state(trainer, tmp_path, {"seconds": 0.0})
    checkpoint.restore_trainer(other, path)
    assert same(tensors_of(other), tensors_of(trainer))


def test_a_save_copies_the_state_once_and_looks_through_it_once(tmp_path, monkeypatch):
    calls: list[str] = []

    def counted(name: str, function: Callable) -> Callable:
        return lambda *given: calls.append(name) or function(*given)

    monkeypatch.setattr(checkpoint, "state_tensors", counted("copy", checkpoint.state_tensors))
    for module in (checkpoint, session):
        monkeypatch.setattr(module, "first_not_finite", counted("look", state_tensors.first_not_finite))
    trained(tmp_path / "run")
    assert sorted(calls) == ["copy"] * 2 + ["look"] * 2
