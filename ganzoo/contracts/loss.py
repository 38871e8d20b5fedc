"""Checks of a loss, on small players and in a training of two steps."""

import inspect
import re
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from ganzoo.batch import Batch
from ganzoo.config.recipes import make_config
from ganzoo.config.resolve import resolve_defaults
from ganzoo.contracts.base import Broken, Check, check_settings, listed, note, require, settings_of
from ganzoo.contracts.players import SameDraws, ToyD, fakes, players, reals
from ganzoo.contracts.training import check_bf16, check_resume
from ganzoo.losses import LOSSES, Loss
from ganzoo.mistakes import checked_terms, place_of

Terms = dict[tuple[str, str], Tensor]
"""(method, term) -> value."""
STEP = 1e-5
"""Length of a central difference; its error is of the order of the square."""


class Game:
    """A loss, its small players, `n` reals and `n` fakes, all float64."""

    def __init__(self, name: str, n: int = 6, dtype: torch.dtype = torch.float64) -> None:
        self.loss = LOSSES[name]().to(dtype)
        self.G, self.D = players(self.loss, dtype)
        self.real, self.fake = reals(self.loss, n, dtype), fakes(self.loss, self.G, n)

    def d_terms(self) -> Terms:
        """D's terms, penalties included."""
        return d_terms(self.loss, self.D, self.real, self.fake)

    def g_terms(self) -> Terms:
        """G's terms."""
        return g_terms(self.loss, self.D, self.real, self.fake)

    def start_state(self) -> None:
        """Move scalar state off 0, where it may switch a term off, such as BEGAN's k."""
        for buffer in self.loss.buffers():
            if buffer.is_floating_point() and buffer.shape == () and not buffer:
                buffer.fill_(0.5)

    def place(self, hook: str, term: str = "") -> str:
        """File, line, class and method, for a message."""
        return place_of(self.loss, hook, term)


def d_terms(loss: Loss, D: ToyD, real: Batch, fake: Batch) -> Terms:
    """D's terms of a batch, penalties included."""
    fake = fake.apply(Tensor.detach)
    with SameDraws():
        own, penalty = checked_terms(loss, "d_loss", D(real), D(fake)), checked_terms(loss, "penalty", D, real, fake)
    return {("d_loss", name): term for name, term in own.items()} | {
        ("penalty", k): term for k, term in penalty.items()
    }


def g_terms(loss: Loss, D: ToyD, real: Batch, fake: Batch) -> Terms:
    """G's terms of a batch."""
    with SameDraws():
        found = checked_terms(loss, "g_loss", D(real).detach() if loss.g_uses_real else None, D(fake))
    return {("g_loss", name): term for name, term in found.items()}


def both(loss: Loss, D: ToyD, real: Batch, fake: Batch) -> Terms:
    """The terms of both players."""
    return d_terms(loss, D, real, fake) | g_terms(loss, D, real, fake)


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
    game = Game(name)
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
            game = Game(name, n, dtype)
            for (hook, term), value in both(game.loss, game.D, game.real, game.fake).items():
                where = f"{game.place(hook, term)}: term {term!r}"
                require(value.isfinite(), f"{where} is {value.item()} for a batch of {n}")
                require(value.dtype == dtype, f"{where} has {value.dtype} for inputs of {dtype}")


def names_of_terms_differ(name: str) -> None:
    """`d_loss` and `penalty` give their terms different names."""
    terms = [term for _, term in Game(name).d_terms()]
    twice = {term for term in terms if terms.count(term) > 1}
    require(not twice, f"{', '.join(twice)}: named by d_loss and by penalty")


def same_inputs_give_the_same_terms(name: str) -> None:
    """The same inputs give the same terms at every call."""
    game = Game(name)
    first, again = (both(game.loss, game.D, game.real, game.fake) for _ in range(2))
    for (hook, term), value in first.items():
        advice = "keep state in after_d_step or after_g_step, draw with ganzoo.rng"
        require(torch.equal(value, again[hook, term]), f"{game.place(hook, term)}: term {term!r} changes; {advice}")


def gradients_are_those_of_the_values(name: str) -> None:
    """Gradients agree with finite differences in float64."""
    game = Game(name)
    game.start_state()
    for hook, network in (("d_loss", game.D), ("g_loss", game.G)):
        slope, expected = slopes(game, hook, network)
        close = abs(slope - expected) <= 1e-5 * max(1.0, abs(expected))
        advice = "an input is detached, or a value is computed outside torch"
        require(close, f"{game.place(hook)}: the gradient is {slope:.6g}, by differences {expected:.6g}; {advice}")


def slopes(game: Game, hook: str, network: nn.Module) -> tuple[float, float]:
    """The derivative along a fixed direction in weight space: by autograd, and by a central difference."""

    def total() -> Tensor:
        fake = fakes(game.loss, game.G, len(game.real))
        find = d_terms if hook == "d_loss" else g_terms
        return torch.stack([*find(game.loss, game.D, game.real, fake).values()]).sum()

    weights, g = list(network.parameters()), torch.Generator().manual_seed(4)
    direction = [torch.randn(p.shape, generator=g, dtype=p.dtype) for p in weights]
    gradients = torch.autograd.grad(total(), weights, allow_unused=True)
    slope = sum((d * v).sum().item() for d, v in zip(gradients, direction, strict=True) if d is not None)
    values = []
    for factor in (STEP, -2 * STEP):
        with torch.no_grad():
            for p, v in zip(weights, direction, strict=True):
                p.add_(v, alpha=factor)
        values.append(total().item())
    return slope, (values[0] - values[1]) / (2 * STEP)


def d_step_reaches_every_layer_of_d(name: str) -> None:
    """D's terms have a gradient for every layer of D."""
    game = Game(name)
    game.start_state()
    backward(game, "d_loss", game.d_terms().values())
    # Biases may cancel: a critic's last one does.
    still = [key for key, p in game.D.named_parameters() if p.grad is None or (p.ndim > 1 and not p.grad.abs().max())]
    require(not still, f"{game.place('d_loss')}: no gradient for D's {listed(still)}")


def d_terms_leave_g_alone(name: str) -> None:
    """The penalty has no gradient for G."""
    game = Game(name)
    with SameDraws():
        found = checked_terms(game.loss, "penalty", game.D, game.real, game.fake)
    for term, value in found.items():
        value.backward(retain_graph=True)
        moved = any(p.grad is not None for p in game.G.parameters())
        require(not moved, f"{game.place('penalty', term)}: term {term!r} has a gradient for G; detach the fakes")


def g_step_reaches_every_layer_of_g(name: str) -> None:
    """G's terms have a gradient for every layer of G and change no buffer of D."""
    game = Game(name)
    game.D.requires_grad_(False)
    before = {key: value.clone() for key, value in game.D.state_dict().items()}
    backward(game, "g_loss", game.g_terms().values())
    after_g_step(game)
    still = [key for key, p in game.G.named_parameters() if p.grad is None or not p.grad.abs().max()]
    require(not still, f"{game.place('g_loss')}: no gradient for G's {listed(still)}")
    changed = [key for key, value in game.D.state_dict().items() if not torch.equal(value, before[key])]
    require(not changed, f"{game.place('after_g_step')}: G's step changes D's {listed(changed)}")


def backward(game: Game, hook: str, terms: Iterable[Tensor]) -> None:
    """Backpropagate the sum of `terms`."""
    total = torch.stack(list(terms)).sum()
    require(total.requires_grad, f"{game.place(hook)}: no term has a gradient")
    total.backward()


def after_g_step(game: Game) -> None:
    """Call the hook after G's step with D's outputs."""
    real = game.D(game.real).detach() if game.loss.g_uses_real else None
    game.loss.after_g_step(real, game.D(game.fake).detach())


def after_d_step_leaves_d_trainable(name: str) -> None:
    """After D's step all weights of D are trainable."""
    game = Game(name)
    game.loss.after_d_step(game.D)
    fixed = [key for key, p in game.D.named_parameters() if not (p.requires_grad and p.is_leaf)]
    require(not fixed, f"{game.place('after_d_step')}: D's {listed(fixed)} can no longer be trained")


def state_is_saved(name: str) -> None:
    """A loss loaded from its saved state gives the same terms and readings."""
    game = Game(name)
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
    game = Game(name, 8)
    whole = both(game.loss, game.D, game.real, game.fake)
    halves = [both(game.loss, game.D, *parts) for parts in halved(game)]
    errors = {key: abs(value - (halves[0][key] + halves[1][key]) / 2).item() for key, value in whole.items()}
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


def halved(game: Game) -> Iterator[tuple[Batch, Batch]]:
    """Both halves of the reals and the fakes."""
    half = len(game.real) // 2
    for rows in (slice(half), slice(half, None)):
        yield game.real.apply(lambda t: t[rows]), game.fake.apply(lambda t: t[rows])  # noqa: B023


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
