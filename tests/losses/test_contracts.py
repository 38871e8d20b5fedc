"""What holds for every loss of the zoo, and for every one to come."""

from __future__ import annotations

import inspect
import re

import pytest
import torch

from ganzoo import rng
from ganzoo.batch import Batch, Terms
from ganzoo.errors import InputError
from ganzoo.losses import LOSSES, Loss

from .toys import ToyD, fakes, players, reals


@pytest.fixture(params=sorted(LOSSES))
def loss(request: pytest.FixtureRequest) -> Loss:
    return LOSSES[request.param]()


@pytest.fixture(autouse=True)
def same_factor_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random numbers that do not depend on the batch, so that batches can be compared."""
    monkeypatch.setattr(rng, "uniform", lambda name, *shape, device="cpu": torch.full(shape, 0.75, device=device))


def d_terms(loss: Loss, D: ToyD, real: Batch, fake: Batch) -> Terms:
    fake = fake.apply(torch.Tensor.detach)
    return loss.d_loss(D(real), D(fake)) | loss.penalty(D, real, fake)


def g_terms(loss: Loss, D: ToyD, real: Batch, fake: Batch) -> Terms:
    return loss.g_loss(D(real).detach() if loss.g_uses_real else None, D(fake))


def both(loss: Loss, D: ToyD, real: Batch, fake: Batch) -> Terms:
    sides = {"d": d_terms(loss, D, real, fake), "g": g_terms(loss, D, real, fake)}
    return {f"{side}/{name}": term for side, terms in sides.items() for name, term in terms.items()}


def part(samples: Batch, rows: slice) -> Batch:
    return samples.apply(lambda t: t[rows])


def test_docstring_has_title_authors_year_link_and_both_objectives(loss: Loss) -> None:
    lines = inspect.getdoc(type(loss)).splitlines()
    assert re.fullmatch(r".+\. [A-Z].+, \d{4}, https://arxiv\.org/abs/\d{4}\.\d{4,5}", lines[0])
    starts = [line.split(" = ")[0] for line in lines]
    assert "L_D" in starts and "L_G" in starts
    assert "ettings" in " ".join(lines)


def test_settings_are_annotated_keywords_with_defaults(loss: Loss) -> None:
    parameters = inspect.signature(type(loss), eval_str=True).parameters.values()
    for p in (p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)):
        assert p.kind is p.KEYWORD_ONLY and p.annotation is not p.empty and p.default is not p.empty


def test_unknown_setting_is_refused(loss: Loss) -> None:
    with pytest.raises(TypeError):
        type(loss)(no_such_setting=1)


@pytest.mark.parametrize("n", [1, 6])
def test_terms_are_finite_scalars_of_the_precision_given(loss: Loss, n: int) -> None:
    for dtype in (torch.float32, torch.float64):
        G, D = players(loss, dtype)
        for name, term in both(loss.to(dtype), D, reals(loss, n, dtype), fakes(loss, G, n)).items():
            assert term.shape == () and term.isfinite() and term.dtype == dtype, name


def test_penalty_takes_no_name_of_another_term(loss: Loss) -> None:
    G, D = players(loss)
    real, fake = reals(loss, 4), fakes(loss, G, 4)
    assert not loss.d_loss(D(real), D(fake)).keys() & loss.penalty(D, real, fake).keys()


def test_d_step_moves_every_layer_of_d(loss: Loss) -> None:
    G, D = players(loss)
    if "k" in loss.state_dict():
        loss.k.fill_(0.5)  # BEGAN's D reads fakes only then
    real, fake = reals(loss, 6), fakes(loss, G, 6)
    sum(d_terms(loss, D, real, fake).values()).backward()
    assert all(p.grad is not None for p in D.parameters())
    # Biases may cancel: a critic's last one does.
    assert all(p.grad.abs().max() > 0 for p in D.parameters() if p.ndim > 1)


def test_penalty_cuts_off_g_by_itself(loss: Loss) -> None:
    G, D = players(loss)
    for term in loss.penalty(D, reals(loss, 6), fakes(loss, G, 6)).values():
        term.backward()
    assert all(p.grad is None for p in G.parameters())


def test_g_step_moves_every_layer_of_g_and_no_buffer_of_d(loss: Loss) -> None:
    G, D = players(loss)
    D.requires_grad_(False)
    before = {name: value.clone() for name, value in D.state_dict().items()}
    real, fake = reals(loss, 6), fakes(loss, G, 6)
    sum(g_terms(loss, D, real, fake).values()).backward()
    loss.after_g_step(D(real) if loss.g_uses_real else None, D(fake).detach())
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in G.parameters())
    assert all(torch.equal(value, before[name]) for name, value in D.state_dict().items())


def test_after_d_step_leaves_d_trainable(loss: Loss) -> None:
    _, D = players(loss)
    loss.after_d_step(D)
    assert all(p.requires_grad and p.is_leaf for p in D.parameters())


def test_state_survives_a_round_trip(loss: Loss) -> None:
    G, D = players(loss)
    real, fake = D(reals(loss, 6)).detach(), D(fakes(loss, G, 6)).detach()
    for _ in range(3):
        loss.after_g_step(real, fake)
    again = type(loss)()
    again.load_state_dict(loss.state_dict())
    for name, reading in loss.readings().items():
        assert reading.shape == () and torch.equal(again.readings()[name], reading)
    for name, term in both(loss, D, reals(loss, 6), fakes(loss, G, 6)).items():
        assert torch.equal(both(again, D, reals(loss, 6), fakes(loss, G, 6))[name], term)


def test_couples_samples_says_whether_a_batch_is_the_mean_of_its_halves(loss: Loss) -> None:
    G, D = players(loss)
    loss.double()
    real, fake = reals(loss, 8), fakes(loss, G, 8)
    whole = both(loss, D, real, fake)
    halves = [both(loss, D, part(real, rows), part(fake, rows)) for rows in (slice(4), slice(4, 8))]
    errors = [abs(whole[name] - (halves[0][name] + halves[1][name]) / 2).item() for name in whole]
    assert (max(errors) > 1e-4) if loss.couples_samples else (max(errors) < 1e-12)


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if not loss.couples_samples])
def test_repeating_the_batch_changes_nothing(name: str) -> None:
    loss = LOSSES[name]().double()
    G, D = players(loss)
    real, fake = reals(loss, 4), fakes(loss, G, 4)
    once = both(loss, D, real, fake)
    twice = both(loss, D, real.apply(lambda t: torch.cat([t, t])), fake.apply(lambda t: torch.cat([t, t])))
    assert all(abs(once[name] - twice[name]) < 1e-12 for name in once)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("wgan", {"clip": 0.0}),
        ("wgan", {"clip": float("nan")}),
        ("wgan-gp", {"weight": -1.0}),
        ("dragan", {"weight": -1.0}),
        ("dragan", {"noise": "unifrom"}),
        ("acgan", {"weight": -1.0}),
        ("ssgan", {"weight": -1.0}),
        ("ebgan", {"margin": 0.0}),
        ("ebgan", {"pull_away": -1.0}),
        ("began", {"gamma": 0.0}),
        ("began", {"lambda_k": 0.0}),
        ("infogan", {"categorical": 0, "continuous": 0}),
        ("infogan", {"weight": -1.0}),
        ("coulomb", {"dimension": 2.0}),
        ("coulomb", {"epsilon": 0.0}),
    ],
)
def test_a_value_that_means_nothing_is_refused_in_one_line(name: str, settings: dict) -> None:
    with pytest.raises(InputError) as error:
        LOSSES[name](**settings)
    assert name in str(error.value) and "\n" not in str(error.value)
