"""Top-k training: which fakes G learns from, and with which reals."""

from __future__ import annotations

import pytest
import torch

from ganzoo.batch import DiscriminatorOutput
from ganzoo.losses import LOSSES
from ganzoo.tricks import TRICKS


def judged(*scores: float) -> DiscriminatorOutput:
    return DiscriminatorOutput(torch.arange(len(scores)).view(-1, 1, 1, 1).float(), score=torch.tensor(scores))


def test_the_highest_scores_are_kept_in_the_order_of_the_batch():
    trick, nsgan = TRICKS["top_k"](share=0.5), LOSSES["nsgan"]()
    real, fake = trick.g_batch(nsgan, judged(9, 8, 7, 6), judged(0.1, 3.0, -2.0, 1.0))
    assert fake.score.tolist() == [3.0, 1.0] and fake.images.flatten().tolist() == [1, 3]
    assert real.score.tolist() == [8, 6], "a loss of pairs gets the reals of the same rows"
    assert trick.g_batch(nsgan, None, fake)[0] is None


def test_where_lower_scores_are_more_real_the_lowest_are_kept():
    _, fake = TRICKS["top_k"](share=0.25).g_batch(LOSSES["nsgan"](real_label=0), None, judged(0.1, 3.0, -2.0, 1.0))
    assert fake.score.tolist() == [-2.0]


@pytest.mark.parametrize(("share", "k"), [(1.0, 6), (0.75, 4), (0.4, 2), (0.01, 1)])
def test_k_is_a_share_of_the_batch_and_at_least_one(share, k):
    assert len(TRICKS["top_k"](share=share).g_batch(LOSSES["wgan"](), None, judged(*range(6)))[1]) == k


def test_the_share_can_fall():
    trick, batch = TRICKS["top_k"](share={"from": 1.0, "to": 0.5, "over": 4}), judged(*range(8))
    sizes = []
    for step in range(6):
        trick.share.set_step(step, 8)
        sizes.append(len(trick.g_batch(LOSSES["wgan"](), None, batch)[1]))
    assert sizes == [8, 7, 6, 5, 4, 4] and not trick.capturable
