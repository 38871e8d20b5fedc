"""Checks of a trick: neutral settings change nothing, others do, and it fits every loss that it does not refuse."""

import re
from functools import cache

import torch

from ganzoo.builder import build_modules, resolve_config
from ganzoo.config.tables import Table, merge
from ganzoo.contracts.base import Check, check_settings, note, require, settings_of
from ganzoo.contracts.training import check_bf16, check_resume, small_config
from ganzoo.data import BatchLoader, Dataset
from ganzoo.errors import InputError
from ganzoo.losses import LOSSES
from ganzoo.training.trainer import Trainer
from ganzoo.tricks import TRICKS

STEPS = 3
QUICK: dict[str, Table] = {
    "ada": {"p": 0.5},
    "label_noise": {"p": 0.5},
    "lecam": {"warmup": 1},
    "past_players": {"every": 2, "steps": 1},
}
"""Settings of tricks whose defaults show only after many steps."""


@cache
def pictures() -> Dataset:
    """40 random images of 28 x 28 in three classes."""
    g = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (40, 1, 28, 28), generator=g, dtype=torch.uint8)
    return Dataset.from_tensor(images, torch.arange(40) % 3)


def trainer(loss: str, tricks: Table) -> Trainer:
    """A small trainer of a loss with tricks; raises `InputError` if they do not fit."""
    config = small_config({"loss": {"name": loss}})
    data = config.data.model_copy(update={"max_images": None})
    resolved = resolve_config(config.model_copy(update={"tricks": tricks, "data": data}), pictures())
    return Trainer(build_modules(resolved), BatchLoader(pictures(), resolved.seed), resolved)


def after_steps(loss: str, tricks: Table) -> Trainer:
    """The trainer after `STEPS` steps."""
    made = trainer(loss, tricks)
    for _ in range(STEPS):
        made.train_step()
    return made


def weights(made: Trainer) -> torch.Tensor:
    """All weights of both players."""
    return torch.cat([p.detach().flatten() for net in (made.G, made.D) for p in net.parameters()])


def quick(name: str) -> Table:
    """The trick, on, with settings that show within `STEPS` steps."""
    return {name: QUICK.get(name, {})}


@note
def docstring_names_its_source(name: str) -> None:
    """The docstring names a year and a link."""
    text = TRICKS[name].__doc__ or ""
    require(re.search(r"(19|20)\d\d", text) and "https://" in text, "the docstring names no year and https:// link")


def settings_are_keywords(name: str) -> None:
    """Settings are keywords with types and defaults."""
    check_settings(settings_of(TRICKS[name]))


def neutral_is_without(name: str) -> None:
    """Neutral settings train bit for bit as without the trick."""
    neutral = TRICKS[name].neutral
    if not neutral:
        return
    without, with_it = after_steps("lsgan", {}), after_steps("lsgan", {name: neutral})
    same = torch.equal(weights(without), weights(with_it)) and without.batches.position == with_it.batches.position
    require(same, f"training with {neutral} differs from training without it")


def on_changes_the_training(name: str) -> None:
    """Training with the trick differs from training without it."""
    same = torch.equal(weights(after_steps("lsgan", {})), weights(after_steps("lsgan", quick(name))))
    require(not same, f"{STEPS} steps with the defaults are those without it")


def runs_with_every_loss(name: str) -> None:
    """The trick trains with every loss that it does not refuse."""
    refused = [loss for loss in LOSSES if not runs_with(loss, name)]
    require(len(refused) < len(LOSSES), "it is refused for every loss")


def runs_with(loss: str, name: str) -> bool:
    """Train with both; False if they are refused. Raises `Broken` for NaN."""
    try:
        trainer(loss, quick(name))
    except InputError as reason:
        text = str(reason)
        require(f"trick {name}" in text or f"already has the penalty {name}" in text, f"with {loss}: {text}")
        return False
    made = after_steps(loss, quick(name))
    require(made.is_finite() and weights(made).isfinite().all(), f"with {loss}: NaN or infinite after {STEPS} steps")
    return True


def trains_and_resumes(name: str) -> None:
    """Two steps on digits, and a resume after the first has the same bytes."""
    check_resume(merge({"loss": {"name": "lsgan"}}, {"tricks": quick(name)}))


def bf16_is_finite(name: str) -> None:
    """Two steps in bf16 are finite, unless the trick refuses bf16."""
    if TRICKS[name].subtracts_scores:
        return
    check_bf16(merge({"loss": {"name": "lsgan"}}, {"tricks": quick(name)}))


TRICK_CHECKS: tuple[Check, ...] = (
    docstring_names_its_source,
    settings_are_keywords,
    neutral_is_without,
    on_changes_the_training,
    runs_with_every_loss,
    trains_and_resumes,
    bf16_is_finite,
)
