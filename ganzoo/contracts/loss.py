"""Checks of a loss, on small players and in a training of two steps."""

import inspect
import re

import torch

from ganzoo.config.recipes import make_config
from ganzoo.config.resolve import resolve_defaults
from ganzoo.contracts.base import Broken, Check, check_settings, listed, note, require, settings_of
from ganzoo.contracts.gradient import (
    after_d_step_leaves_d_trainable,
    d_step_reaches_every_layer_of_d,
    d_terms_leave_g_alone,
    g_step_reaches_every_layer_of_g,
    gradients_are_those_of_the_values,
)
from ganzoo.contracts.players import SameDraws, SmallGame, after_g_step, both, halved
from ganzoo.contracts.training import check_bf16, check_resume
from ganzoo.losses import LOSSES
from ganzoo.mistakes import checked_terms


@note
def docstring_names_source_and_objectives(name: str) -> None:
    """The docstring names authors, year, link, both objectives and the settings."""
    lines = (inspect.getdoc(LOSSES[name]) or "").splitlines() or [""]
    title = r".+\. [A-Z].+, \d{4}, https://arxiv\.org/abs/\d{4}\.\d{4,5}"
    require(
        re.fullmatch(title, lines[0]),
        "first line of the docstring: expected TITLE. AUTHORS, YEAR, https://arxiv.org/abs/...",
    )
    starts = [line.split(" = ")[0] for line in lines]
    require("L_D" in starts and "L_G" in starts, "the docstring has no lines L_D = ... and L_G = ...")
    require("ettings" in " ".join(lines), "the docstring has no line Settings: ...")


def settings_are_keywords(name: str) -> None:
    """Settings are keywords with types and defaults, and the config reaches them."""
    check_settings(settings_of(LOSSES[name]))
    defaults = {p.name: p.default for p in settings_of(LOSSES[name]) if p.default is not None}
    resolve_defaults(make_config("nsgan", {"loss": {"name": name, **defaults}}))
    try:
        LOSSES[name](no_such_setting=1)
    except TypeError:
        return
    raise Broken("an unknown setting is accepted; name each setting")


def holds_no_weights(name: str) -> None:
    """The loss has no weights, and D's gradient comes from D's outputs alone."""
    game = SmallGame(name)
    weights = [key for key, _ in game.loss.named_parameters()]
    require(not weights, f"{listed(weights)}: no optimizer trains a loss's parameters; use register_buffer for state")
    real, fake = game.D(game.real).detach(), game.D(game.fake).detach()
    with SameDraws():
        for term, value in checked_terms(game.loss, "d_loss", real, fake).items():
            require(
                not value.requires_grad,
                f"{game.place('d_loss', term)}: term {term!r} has a gradient without D's outputs",
            )


def terms_are_finite_scalars(name: str) -> None:
    """Terms are finite scalars of the input's precision, for 1 and for 6 samples."""
    for dtype in (torch.float32, torch.float64):
        for n in (1, 6):
            game = SmallGame(name, n, dtype)
            for (hook, term), value in both(game.loss, game.D, game.real, game.fake).items():
                where = f"{game.place(hook, term)}: term {term!r}"
                require(value.isfinite(), f"{where} is {value.item()} for a batch of {n}")
                require(value.dtype == dtype, f"{where} has {value.dtype} for inputs of {dtype}")


def names_of_terms_differ(name: str) -> None:
    """`d_loss` and `penalty` give their terms different names."""
    terms = [term for _, term in SmallGame(name).d_terms()]
    twice = {term for term in terms if terms.count(term) > 1}
    require(not twice, f"{', '.join(twice)}: named by d_loss and by penalty")


def same_inputs_give_the_same_terms(name: str) -> None:
    """The same inputs give the same terms at every call."""
    game = SmallGame(name)
    first, again = (both(game.loss, game.D, game.real, game.fake) for _ in range(2))
    for (hook, term), value in first.items():
        advice = "keep state in after_d_step or after_g_step, draw with ganzoo.rng"
        require(torch.equal(value, again[hook, term]), f"{game.place(hook, term)}: term {term!r} changes; {advice}")


def state_is_saved(name: str) -> None:
    """A loss loaded from its saved state gives the same terms and readings."""
    game = SmallGame(name)
    for _ in range(3):
        game.loss.observe_reals(game.D(game.real).detach())
        after_g_step(game)
    again = LOSSES[name]().to(torch.float64)
    again.load_state_dict(game.loss.state_dict())
    for reading, value in game.loss.readings().items():
        same = value.shape == () and torch.equal(again.readings()[reading], value)
        require(
            same, f"{game.place('readings', reading)}: reading {reading!r} differs after loading; use register_buffer"
        )
    loaded = both(again, game.D, game.real, game.fake)
    for (hook, term), value in both(game.loss, game.D, game.real, game.fake).items():
        same = torch.equal(loaded[hook, term], value)
        require(
            same, f"{game.place(hook, term)}: term {term!r} differs after loading; state must be in register_buffer"
        )


def couples_samples_is_right(name: str) -> None:
    """`couples_samples` says if a batch is the mean of its halves, and the batch repeated is the batch."""
    game = SmallGame(name, 8)
    whole, errors = both(game.loss, game.D, game.real, game.fake), split_errors(game)
    if game.loss.couples_samples:  # a hinge is linear for small scores
        game.real, game.fake = (samples.with_images(100 * samples.images) for samples in (game.real, game.fake))
        errors = max(errors, split_errors(game), key=lambda found: max(found.values()))
    hook, term = max(errors, key=lambda key: errors[key])
    where = f"{game.place(hook, term)}: term {term!r}"
    if game.loss.couples_samples:
        return require(errors[hook, term] > 1e-4, f"{where} is a mean over samples; remove couples_samples = True")
    require(
        errors[hook, term] < 1e-12, f"{where} is no mean over samples; take the mean, or set couples_samples = True"
    )
    real, fake = (samples.apply(lambda rows: torch.cat([rows, rows])) for samples in (game.real, game.fake))
    for key, value in both(game.loss, game.D, real, fake).items():
        require(
            abs(value - whole[key]) < 1e-12, f"{game.place(*key)}: term {key[1]!r} depends on the number of samples"
        )


def split_errors(game: SmallGame) -> dict[tuple[str, str], float]:
    """By how much each term differs from the mean over the halves of the batch."""
    whole = both(game.loss, game.D, game.real, game.fake)
    first, second = (both(game.loss, game.D, *parts) for parts in halved(game))
    return {key: abs(value - (first[key] + second[key]) / 2).item() for key, value in whole.items()}


def trains_and_resumes(name: str) -> None:
    """Two steps on digits, and a resume after the first has the same bytes."""
    check_resume({"loss": {"name": name}})


def bf16_is_finite(name: str) -> None:
    """Two steps in bf16 are finite."""
    check_bf16({"loss": {"name": name}})


LOSS_CHECKS: tuple[Check, ...] = (
    docstring_names_source_and_objectives,
    settings_are_keywords,
    terms_are_finite_scalars,
    names_of_terms_differ,
    same_inputs_give_the_same_terms,
    holds_no_weights,
    gradients_are_those_of_the_values,
    d_step_reaches_every_layer_of_d,
    d_terms_leave_g_alone,
    g_step_reaches_every_layer_of_g,
    after_d_step_leaves_d_trainable,
    state_is_saved,
    couples_samples_is_right,
    trains_and_resumes,
    bf16_is_finite,
)
