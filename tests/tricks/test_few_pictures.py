"""ADA, consistency regularization and LeCam regularization against their formulas."""

from __future__ import annotations

import pytest
import torch

from ganzoo.batch import Batch, DiscriminatorOutput
from ganzoo.builder import build_modules, resolve_config
from ganzoo.data import BatchLoader
from ganzoo.losses import LOSSES
from ganzoo.rng import RngScope
from ganzoo.training.log_record import log_terms
from ganzoo.training.trainer import Trainer
from ganzoo.tricks import TRICKS
from ganzoo.tricks.augmentation import augmented
from small_runs import small, toy_data

N = 8


def judged(scores) -> DiscriminatorOutput:
    scores = torch.as_tensor(scores, dtype=torch.float32)
    return DiscriminatorOutput(torch.zeros(len(scores), 1, 4, 4), score=scores)


def reals_at(share: float) -> DiscriminatorOutput:
    """`share` of `N` reals taken for real."""
    return judged([1.0] * round(share * N) + [-1.0] * (N - round(share * N)))


def test_p_follows_r_t_as_in_the_paper():
    trick, nsgan = TRICKS["ada"](images=100, every=2), LOSSES["nsgan"]()
    p = 0.0
    for shares in ((1.0, 0.875), (0.5, 0.5), (1.0, 1.0), (1.0, 1.0), (0.75, 0.75)):
        for share in shares:
            assert trick.p.item() == pytest.approx(p)
            trick.after_d_step(nsgan, reals_at(share), judged([0.0] * N))
        r_t = 2 * sum(shares) / 2 - 1
        p = min(max(p + (1 if r_t > 0.6 else -1) * 2 * N / 100, 0), 1)
        assert trick.r_t.item() == pytest.approx(r_t)
    assert trick.p.item() == pytest.approx(p) and p > 0
    assert trick.readings() == {"p": trick.p, "r_t": trick.r_t}


def test_p_stays_in_its_bounds_and_without_adaptation_where_it_is():
    nsgan, sure, fooled = LOSSES["nsgan"](), reals_at(1.0), reals_at(0.0)
    for start, seen, end in ((0.0, fooled, 0.0), (0.95, sure, 1.0)):
        trick = TRICKS["ada"](p=start, images=N * 10, every=1)
        trick.after_d_step(nsgan, seen, fooled)
        assert trick.p == end
    trick = TRICKS["ada"](p=0.25, adapt=False, images=1, every=1)
    trick.after_d_step(nsgan, sure, fooled)
    assert (trick.p, trick.r_t) == (0.25, 1.0)


def test_the_image_that_d_sees_has_the_transformations_of_p():
    trick, images = TRICKS["ada"](p=0.7), torch.randn(N, 3, 16, 16)
    with RngScope(0, "d", 3):
        seen = trick.view(Batch(images)).images
    with RngScope(0, "d", 3):
        assert torch.equal(seen, augmented(images, trick.kinds, 0.7, "ada"))


@pytest.mark.parametrize(
    ("loss", "settings", "real", "fake", "r_t"),
    [
        ("nsgan", {}, [2.0, 1.0, 0.1, -1.0], [0.0] * 4, 0.5),
        ("nsgan", {"real_label": 0}, [2.0, 1.0, 0.1, -1.0], [0.0] * 4, -0.5),
        ("lsgan", {}, [0.6, 0.7, 0.4, 2.0], [0.0] * 4, 0.5),
        ("lsgan", {"a": -1.0}, [0.6, 0.7, 0.4, 2.0], [0.0] * 4, 1.0),
        ("wgan-gp", {}, [-1.0, -2.0, -3.0, -8.0], [-9.0] * 4, 0.5),
        ("rpgan", {}, [5.0, 4.0, -3.0, -6.0], [0.0, 0.0, 0.0, 0.0], 0.0),
    ],
)
def test_the_border_of_a_loss_decides_who_is_taken_for_real(loss, settings, real, fake, r_t):
    assert LOSSES[loss](**settings).real_signs(judged(real), judged(fake)).mean() == r_t


def linear_judge(samples: Batch) -> DiscriminatorOutput:
    """A D that weighs columns from left to right, so that a flip changes its score."""
    weights = torch.linspace(0, 1, samples.images.shape[3])
    return DiscriminatorOutput(samples.images, score=(samples.images * weights).mean((1, 2, 3)))


def test_consistency_is_the_squared_change_of_the_score():
    real, fake = (linear_judge(Batch(torch.randn(N, 3, 16, 16))) for _ in range(2))
    trick = TRICKS["consistency"](weight=3.0, fake_weight=5.0)
    with RngScope(0):
        terms = trick.judged_terms(linear_judge, real, fake)
    assert terms.keys() == {"consistency_real", "consistency_fake"}
    for name, weight, samples in (("real", 3, real), ("fake", 5, fake)):
        with RngScope(0):
            copies = augmented(samples.images, ("flip", "shift"), 1.0, f"consistency.{name}")
        expected = sum((linear_judge(Batch(copies)).score - samples.score) ** 2) / N
        torch.testing.assert_close(terms[f"consistency_{name}"], weight * expected)
    with RngScope(0):
        assert TRICKS["consistency"]().judged_terms(linear_judge, real, fake).keys() == {"consistency_real"}


def test_lecam_pulls_each_side_to_the_mean_of_the_other():
    trick, nsgan = TRICKS["lecam"](weight=0.5, decay=0.9, warmup=2), LOSSES["nsgan"]()
    means = None
    for step in range(5):
        real, fake = judged([step, step + 2.0]), judged([-1.0, -2.0 * step])
        term = trick.judged_terms(linear_judge, real, fake)["lecam"]
        if step < 2:
            assert term == 0
        else:
            by_hand = (
                sum((s - means[1]) ** 2 for s in real.score) / 2 + sum((s - means[0]) ** 2 for s in fake.score) / 2
            )
            torch.testing.assert_close(term, 0.5 * by_hand)
        now = torch.stack((real.score.mean(), fake.score.mean()))
        means = now if means is None else 0.9 * means + 0.1 * now
        trick.after_d_step(nsgan, real, fake)
        torch.testing.assert_close(torch.stack((trick.mean_real, trick.mean_fake)), means)


@pytest.mark.parametrize("parts", [1, 2])
def test_a_trainer_shows_the_whole_batch_and_logs_p(parts):
    config = small(
        "nsgan",
        train={"gradient_accumulation": parts},
        tricks={"ada": {"every": 1, "images": 100}},
        networks={"discriminator": {"norm": "none"}},
    )
    data = toy_data()
    config = resolve_config(config, data)
    trainer = Trainer(build_modules(config), BatchLoader(data, config.seed), config)
    seen = []
    watch = trainer.tricks[0].after_d_step
    trainer.tricks[0].after_d_step = lambda loss, real, fake: (seen.append((real, fake)), watch(loss, real, fake))
    trainer.train_step()
    ((real, fake),) = seen
    assert len(real) == len(fake) == config.train.batch_size and not real.score.requires_grad
    r_t = real.score.sign().mean()
    p = max(0.0, (1 if r_t > 0.6 else -1) * config.train.batch_size / 100)
    terms = log_terms(trainer)
    assert (terms["ada/r_t"], terms["ada/p"]) == (pytest.approx(r_t.item()), pytest.approx(p))
