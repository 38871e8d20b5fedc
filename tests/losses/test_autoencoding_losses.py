"""EBGAN and BEGAN: D judges by how well it copies."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ganzoo.batch import DiscriminatorOutput
from ganzoo.losses import BEGAN, EBGAN
from ganzoo.losses.ebgan import energy, pull_away


def copied(*errors: float, shape: tuple[int, ...] = (1, 4, 4), codes: Tensor | None = None) -> DiscriminatorOutput:
    """Images whose copies are off by so much in every pixel."""
    images = torch.linspace(-1, 1, len(errors), dtype=torch.float64).view(-1, 1, 1, 1).expand(-1, *shape)
    error = torch.tensor(errors, dtype=torch.float64).view(-1, 1, 1, 1)
    codes = torch.zeros(len(errors), 2) if codes is None else codes
    return DiscriminatorOutput(images, features=codes, reconstruction=images + error)


def test_ebgan_energy_is_a_root_mean_square_of_any_image_size() -> None:
    for shape in ((1, 4, 4), (3, 8, 8)):
        assert energy(copied(0.1, -0.6, shape=shape)).tolist() == pytest.approx([0.1, 0.6])
    uneven = DiscriminatorOutput(torch.zeros(1, 1, 1, 2), reconstruction=torch.tensor([[[[3.0, 4.0]]]]))
    assert energy(uneven).item() == pytest.approx((25 / 2) ** 0.5)


def test_ebgan_margin_is_per_sample() -> None:
    terms = EBGAN(margin=0.4).d_loss(copied(0.1, 0.5), copied(0.1, 0.6))
    # The hinge of the mean energy would be 0.4 - 0.35.
    assert {k: v.item() for k, v in terms.items()} == pytest.approx({"real": 0.3, "fake": 0.15})


def test_ebgan_default_margin_is_the_papers_at_28x28() -> None:
    assert EBGAN().margin == pytest.approx(10 / (28 * 28) ** 0.5, abs=5e-4)


def test_ebgan_g_has_the_energy_and_a_tenth_of_the_pull_away() -> None:
    codes = torch.tensor([[3.0, 4.0], [4.0, 3.0]])
    terms = EBGAN().g_loss(None, copied(0.1, 0.6, codes=codes))
    assert {k: v.item() for k, v in terms.items()} == pytest.approx({"adv": 0.35, "pull_away": 0.1 * (24 / 25) ** 2})


def test_ebgan_g_reaches_the_image_through_both_sides() -> None:
    """e = |x/2 - x| has slope 1/2; with the target cut off it would be -1/2."""
    images = torch.ones(1, 1, 1, 1, requires_grad=True)
    (slope,) = torch.autograd.grad(energy(DiscriminatorOutput(images, reconstruction=images / 2)).sum(), images)
    assert slope.item() == pytest.approx(0.5)


def naive_pull_away(codes: Tensor) -> float:
    total, n = 0.0, len(codes)
    for i in range(n):
        for j in range(n):
            if i != j:
                total += ((codes[i] @ codes[j]) / (codes[i].norm() * codes[j].norm())).item() ** 2
    return total / (n * (n - 1))


def test_pull_away_is_the_mean_squared_cosine_of_pairs() -> None:
    torch.manual_seed(0)
    codes = torch.randn(5, 3, dtype=torch.float64)
    assert pull_away(codes).item() == pytest.approx(naive_pull_away(codes))
    assert pull_away(codes.view(5, 3, 1, 1)).item() == pytest.approx(naive_pull_away(codes))


@pytest.mark.parametrize(
    ("codes", "value"),
    [
        ([[1.0, 2.0]] * 4, 1.0),  # parallel
        ([[1.0, 2.0], [-1.0, -2.0]], 1.0),  # opposite: without the square it would be -1
        ([[2.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 5.0]], 0.0),  # orthogonal
        ([[0.0, 0.0], [1.0, 2.0]], 0.0),  # a zero code
        ([[0.0, 0.0], [0.0, 0.0]], 0.0),
        ([[1.0, 2.0]], 0.0),  # alone
    ],
)
def test_pull_away_where_it_is_known(codes: list[list[float]], value: float) -> None:
    codes = torch.tensor(codes, requires_grad=True)
    term = pull_away(codes)
    term.backward()
    assert term.item() == pytest.approx(value, abs=1e-6) and codes.grad.isfinite().all()


def test_pull_away_does_not_see_the_scale_or_sign_of_a_code_and_is_never_negative() -> None:
    torch.manual_seed(0)
    codes = torch.randn(6, 3)
    changed = codes * torch.tensor([1.0, -1.0, 1e-6, 1e6, -3.0, 7.0]).view(-1, 1)
    assert pull_away(changed).item() == pytest.approx(pull_away(codes).item(), rel=1e-5)
    wide = torch.linalg.qr(torch.randn(64, 64)).Q
    assert 0 <= pull_away(wide).item() < 1e-6


def test_pull_away_of_half_precision_codes_is_computed_in_float32() -> None:
    codes = torch.full((2, 4), 200.0, dtype=torch.float16)  # 4 * 200^2 overflows float16
    with torch.autocast("cpu", dtype=torch.bfloat16):
        term = pull_away(codes)
    assert term.dtype == torch.float32 and term.item() == pytest.approx(1.0)


def test_began_terms() -> None:
    loss = BEGAN()
    real, fake = copied(0.1, -0.3), copied(0.4, 0.8)
    assert {k: v.item() for k, v in loss.d_loss(real, fake).items()} == pytest.approx({"real": 0.2, "fake": 0.0})
    loss.k.fill_(0.25)
    assert {k: v.item() for k, v in loss.d_loss(real, fake).items()} == pytest.approx({"real": 0.2, "fake": -0.15})
    assert {k: v.item() for k, v in loss.g_loss(None, fake).items()} == pytest.approx({"adv": 0.6})


def test_began_k_moves_by_the_balance() -> None:
    loss = BEGAN()
    loss.after_g_step(copied(0.4), copied(0.1))
    assert loss.readings()["k"].item() == pytest.approx(0.001 * (0.5 * 0.4 - 0.1))
    assert loss.readings()["convergence"].item() == pytest.approx(0.4 + 0.1)
    loss.after_g_step(copied(0.2), copied(0.15))
    assert loss.readings()["k"].item() == pytest.approx(0.001 * (0.1 - 0.05))
    assert loss.readings()["convergence"].item() == pytest.approx(0.2 + 0.05)


def test_began_settings() -> None:
    loss = BEGAN(gamma=0.3, lambda_k=0.1)
    loss.after_g_step(copied(1.0), copied(0.1))
    assert loss.k.item() == pytest.approx(0.1 * (0.3 - 0.1))


def test_began_k_stays_between_0_and_1() -> None:
    loss = BEGAN(lambda_k=100.0)
    loss.after_g_step(copied(0.1), copied(0.9))
    assert loss.k.item() == 0
    loss.after_g_step(copied(0.9), copied(0.1))
    assert loss.k.item() == 1


def test_began_k_is_state_and_not_trained() -> None:
    loss = BEGAN(lambda_k=1.0)
    loss.after_g_step(copied(0.9), copied(0.1))
    again = BEGAN()
    again.load_state_dict(loss.state_dict())
    assert again.k.item() == pytest.approx(0.35)
    assert not list(loss.parameters()) and not loss.k.requires_grad
