"""The three gradients of VAE/GAN against algorithm 1 written by hand, and that no term reaches a group that it must not."""

from __future__ import annotations

import copy
from math import log

import pytest
import torch
from torch import nn

from ganzoo.batch import DiscriminatorOutput, Reconstruction
from ganzoo.builder import build_modules, resolve_config
from ganzoo.data import BatchLoader
from ganzoo.errors import InputError
from ganzoo.latent import GeneratorInputs, encode
from ganzoo.losses import LOSSES, VAEGAN
from ganzoo.rng import RngScope, normal
from ganzoo.training import accumulation
from ganzoo.training.trainer import Trainer
from small_runs import small, toy_data

PLAIN = {"discriminator": {"norm": "none"}}
ADVERSARIAL = [name for name, loss in LOSSES.items() if loss.heads == ("score",) and not loss.encodes]


def trainer(loss: dict | None = None, variant: str = "vaegan", **tables) -> Trainer:
    data = toy_data(size=16)
    config = resolve_config(small(variant, **({"networks": PLAIN, "loss": loss or {}} | tables)), data)
    return Trainer(build_modules(config), BatchLoader(data, config.seed), config)


def groups(t: Trainer) -> dict[str, nn.Module]:
    return {"E": t.G.encoder, "Dec": t.G.decoder, "D": t.D}


def reached(t: Trainer) -> set[str]:
    """The groups with a gradient."""
    return {
        name
        for name, group in groups(t).items()
        if any(p.grad is not None and p.grad.abs().max() > 0 for p in group.parameters())
    }


@pytest.mark.parametrize("likelihood", ["features", "pixels"])
@pytest.mark.parametrize(
    ("step", "term", "groups"),
    [
        ("g_step", "prior", {"E"}),
        ("g_step", "llike", {"E", "Dec"}),
        ("g_step", "adv", {"Dec"}),
        ("d_step", "real", {"D"}),
        ("d_step", "fake", {"D"}),
    ],
)
def test_each_term_alone_reaches_its_groups_only(step, term, groups, likelihood, monkeypatch):
    t = trainer({"likelihood": likelihood})
    monkeypatch.setattr(accumulation, "total_loss", lambda terms: terms[term])
    getattr(t, step)()
    assert reached(t) == groups


@pytest.mark.parametrize("adversarial", ["nsgan", "wgan-gp"])
@pytest.mark.parametrize("likelihood", ["features", "pixels"])
def test_with_weight_0_no_adversarial_gradient_reaches_a_group_in_gs_step(likelihood, adversarial, monkeypatch):
    """The control, a plain VAE: D still learns in its own step, which moves D alone."""
    t = trainer({"weight": 0.0, "likelihood": likelihood, "adversarial": adversarial})
    with monkeypatch.context() as only:
        only.setattr(accumulation, "total_loss", lambda terms: terms["adv"])
        t.g_step()
        assert reached(t) == set()
    t.d_step()
    assert reached(t) == {"D"}


def by_hand(t: Trainer, real: torch.Tensor) -> tuple[dict[str, list[torch.Tensor]], dict[str, float]]:
    """The gradients of G's update by algorithm 1, one call of autograd a group, on copies of the networks; and the terms."""
    E, Dec, D = copy.deepcopy((t.G.encoder, t.G.decoder, t.D))
    n, dim = len(real), t.game.latent.dim
    with RngScope(t.seed, "g", t.g_steps):
        z_p, noise_of_fakes, noise = normal("z", n, dim), normal("posterior", n, dim), normal("posterior", n, dim)

    def encoded(images, eps):
        mean, log_variance = E(images).split(dim, 1)
        return mean, log_variance, mean + torch.exp(log_variance / 2) * eps

    z_p[1::2] = encoded(real, noise_of_fakes)[2].detach()[1::2]
    fakes = Dec(z_p)
    l_gan = -torch.log(torch.sigmoid(-D(judged(fakes)).score)).mean()  # the part of L_GAN that G moves, negated
    mean, log_variance, z = encoded(real, noise)
    l_prior = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1).mean()
    f, f_made = D(judged(real)).features.detach(), D(judged(Dec(z))).features
    l_llike = 0.5 * ((f - f_made) ** 2).sum(1).mean()
    gamma = t.loss.gamma / f.shape[1]
    grads = {
        "E": torch.autograd.grad(l_prior + l_llike, list(E.parameters()), retain_graph=True),
        "Dec": torch.autograd.grad(gamma * l_llike - l_gan, list(Dec.parameters())),
    }
    return grads, {"prior": l_prior.item(), "llike": gamma * l_llike.item(), "adv": -l_gan.item()}


def judged(images: torch.Tensor) -> DiscriminatorOutput:
    return DiscriminatorOutput(images)


def test_the_update_is_algorithm_1():
    t = trainer({"adversarial": "minimax", "gamma": 0.3}, train={"batch_size": 5})
    grads, terms = by_hand(t, peeked(t))
    t.g_step()
    assert {name: value.item() for name, value in t.g_terms.items()} == pytest.approx(terms, rel=1e-5)
    for name, group in (("E", t.G.encoder), ("Dec", t.G.decoder)):
        for p, expected in zip(group.parameters(), grads[name], strict=True):
            scale = expected.abs().max().item()
            torch.testing.assert_close(p.grad, expected, rtol=1e-4, atol=1e-5 * scale + 1e-12)


def peeked(t: Trainer) -> torch.Tensor:
    """The reals of the next step."""
    position = t.batches.position
    with RngScope(t.seed, "g", t.g_steps):
        real = t.reals(t.rows).images
    t.batches.position = position
    return real


def test_ds_batch_has_samples_and_reconstructions_and_trains_d_by_the_adversarial_loss_alone():
    t = trainer({"adversarial": "lsgan"})
    t.d_step()
    real, fake = t.last_judged
    expected = LOSSES["lsgan"]().d_loss(real, fake)
    assert {name: v.item() for name, v in t.d_terms.items()} == {name: v.item() for name, v in expected.items()}
    assert len(real) == len(fake) == 4


class Toy(nn.Module):
    """E states mean x and log-variance 2 ln 3, Dec doubles."""

    def encoder(self, images: torch.Tensor) -> torch.Tensor:
        return torch.cat([images.flatten(1), torch.full_like(images.flatten(1), 2 * log(3))], 1)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return 2 * z.view(len(z), 1, 1, -1)


@pytest.mark.parametrize("n", [1, 4, 5])
def test_every_second_latent_of_the_fakes_is_of_the_real_in_its_row(n):
    real, z = DiscriminatorOutput(torch.randn(n, 1, 1, 3)), torch.randn(n, 3)
    with RngScope("x"):
        found = VAEGAN().fake_inputs(Toy(), GeneratorInputs(z), real).z
    with RngScope("x"):
        noise = normal("posterior", n, 3)
    assert torch.equal(found[::2], z[::2])
    torch.testing.assert_close(found[1::2], (real.images.flatten(1) + 3 * noise)[1::2])


def test_terms_by_hand():
    """KL(N(1, 1) || N(0, 1)) = 1/2, KL(N(0, 4) || N(0, 1)) = (4 - ln 4 - 1) / 2; squares of 1 and 9 in the features."""
    made = Reconstruction(
        torch.ones(1, 1, 1, 2),
        reals=torch.tensor([-1.0, 1.0]).view(1, 1, 1, 2),
        mean=torch.tensor([[1.0, 0.0]]),
        log_variance=torch.tensor([[0.0, log(4)]]),
    )
    real, fake = (DiscriminatorOutput(made.images, features=torch.tensor([f])) for f in ([1.0, 2.0], [0.0, 5.0]))
    prior = 1 / 2 + (3 - log(4)) / 2
    for likelihood, mean_square in (("features", 5.0), ("pixels", 2.0)):
        terms = VAEGAN(gamma=0.5, likelihood=likelihood).g_reconstruction(real, fake, made)
        assert terms["prior"].item() == pytest.approx(prior)
        assert terms["llike"].item() == pytest.approx(0.5 * mean_square / 2)


def test_without_the_adversarial_part_it_is_a_vae():
    t = trainer({"weight": 0.0, "likelihood": "pixels"})
    t.g_step()
    grads = {name: [p.grad.clone() for p in group.parameters()] for name, group in groups(t).items() if name != "D"}
    t = trainer({"weight": 0.0, "likelihood": "pixels", "adversarial": "lsgan"}, seed=0)
    for p in t.D.parameters():
        p.data.zero_()
    t.g_step()
    for name, found in grads.items():
        assert all(torch.equal(a, p.grad) for a, p in zip(found, groups(t)[name].parameters(), strict=True))
    assert t.g_terms["adv"] == 0


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_any_loss_on_a_score_is_its_adversarial_part(name):
    t = trainer({"adversarial": name})
    for _ in range(2):
        t.train_step()
    alone = LOSSES[name]()
    assert t.is_finite() and t.loss.d_loss_bounds == alone.d_loss_bounds
    assert all(
        getattr(t.loss, trait) == getattr(alone, trait) for trait in ("watch", "couples_samples", "score_border")
    )
    assert t.d_terms.keys() >= alone.d_loss(*t.last_judged).keys()
    assert {"prior", "llike"} < t.g_terms.keys()


def test_wgans_clip_and_penalties_refused_belong_to_the_hybrid():
    t = trainer({"adversarial": "wgan"})
    t.d_step()
    assert max(p.abs().max().item() for p in t.D.parameters()) <= 0.01 + 1e-6
    with pytest.raises(InputError, match="loss vaegan takes the gradient of D per sample, but batch norm in D mixes"):
        trainer({"adversarial": "wgan-gp"}, networks={"discriminator": {"norm": "batch"}})
    with pytest.raises(InputError, match="loss vaegan already has the penalty gp"):
        trainer({"adversarial": "wgan-gp"}, tricks={"gp": True})


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ({"loss": {"adversarial": "ebgan"}}, "adversarial must be a loss on a score alone, not 'ebgan'"),
        ({"loss": {"adversarial": "vaegan"}}, "adversarial must be a loss on a score alone, not 'vaegan'"),
        ({"loss": {"adversarial": "nsgam"}}, "no loss is called 'nsgam'"),
        ({"loss": {"gamma": 0.0}}, "gamma above 0, not 1.0 and 0.0"),
        ({"latent": {"distribution": "uniform"}}, "encoder of loss vaegan needs Gaussian latents, not uniform"),
        ({"networks": {"generator": {"norm": "virtual"}}}, "no reference batch for virtual norm"),
        (
            {"networks": {"generator": {"condition": "concat"}, "discriminator": {"condition": "channels"}}},
            "encoder of loss vaegan takes no labels",
        ),
    ],
)
def test_what_does_not_fit_is_refused(tables, reason):
    with pytest.raises(InputError, match=reason):
        trainer(**tables)


class Autoencoder(LOSSES["lsgan"]):
    """An encoder for lsgan without noise or prior, which is all that another loss with an encoder has to write."""

    encodes = True

    def reconstruct(self, generator, real, judged):
        posterior = encode(generator, real.images)
        return Reconstruction(generator(posterior.mean), None, None, real.images, *posterior)

    def g_reconstruction(self, real, fake, made):
        return {"pixels": (made.images - made.reals).square().mean()}


def test_another_loss_with_an_encoder_needs_two_methods(monkeypatch):
    monkeypatch.setitem(LOSSES, "lsgan", Autoencoder)
    t = trainer(variant="lsgan")
    for _ in range(2):
        t.train_step()
    assert t.g_terms.keys() == {"adv", "pixels"} and t.is_finite()
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in t.G.encoder.parameters())
