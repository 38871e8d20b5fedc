"""Each trick against numbers worked out by hand."""

from __future__ import annotations

import torch
from torch import nn

from ganzoo.batch import Batch, DiscriminatorOutput
from ganzoo.builder import build_modules, resolve_config
from ganzoo.data import BatchLoader
from ganzoo.rng import RngScope
from ganzoo.training.trainer import Trainer
from ganzoo.tricks import TRICKS
from ganzoo.tricks.diffaugment import cutout, jitter_color, scale_contrast, translate
from ganzoo.tricks.label_noise import swap_rows
from small_runs import small, toy_data


def numbered(first: int, n: int = 4) -> Batch:
    """Images that say which they are: a constant each, and the same number as label and code."""
    number = torch.arange(first, first + n)
    images = number.float().view(n, 1, 1, 1).expand(n, 1, 2, 2) / 64
    return Batch(images, number, number.float().view(n, 1).clone())


def told(samples: Batch) -> list[int]:
    """The numbers of a batch, after checking that image, label and code still agree."""
    numbers = (samples.images[:, 0, 0, 0] * 64).round().long()
    assert torch.equal(numbers, samples.labels)
    assert torch.equal(numbers.float(), samples.code[:, 0])
    return numbers.tolist()


def replay(**settings):
    trick = TRICKS["replay"](**settings)
    trick.attach(nn.Identity(), nn.Identity(), numbered(0, 1))
    return trick


def fed(trick, batches: int, n: int = 4) -> list[list[int]]:
    out = []
    for i in range(batches):
        with RngScope(0, "d", i):
            real, fake = trick.mix(numbered(900), numbered(n * i, n))
        assert told(real) == [900, 901, 902, 903]
        out.append(told(fake))
    return out


def test_replay_gives_back_whole_samples_of_the_past_only():
    shown = fed(replay(capacity=1000, share=1.0), 30)
    assert shown[0] == [0, 1, 2, 3], "an empty pool has nothing to give"
    for i, batch in enumerate(shown[1:], 1):
        assert max(batch) < 4 * i
    assert len({n for batch in shown[1:] for n in batch}) > 25


def test_replay_takes_its_share():
    shown = fed(replay(capacity=4000, share=0.25), 200)
    old = sum(n < 4 * i for i, batch in enumerate(shown) for n in batch)
    assert 0.2 < old / 800 < 0.3


def test_a_full_random_pool_forgets_and_a_reservoir_does_not():
    pools = {}
    for rule in ("random", "reservoir"):
        trick = replay(capacity=64, replacement=rule)
        fed(trick, 200)
        pools[rule] = trick.labels[:64].float()
        assert len(set(pools[rule].tolist())) == 64, "nobody is there twice"
    assert pools["random"].mean() > 650, "the mean age is about the capacity: newest 800"
    assert 300 < pools["reservoir"].mean() < 500, "all 800 are equally likely to be there"


def test_the_pool_is_half_precision_in_buffers_and_its_spare_row_empty():
    trick = replay(capacity=8)
    fed(trick, 10)
    state = trick.state_dict()
    assert state["images"].dtype == torch.float16 and state["images"].shape == (9, 1, 2, 2)
    assert state["labels"].dtype == torch.int64 and state["seen"] == 40
    assert not state["images"][-1].any() and not state["labels"][-1].any()


def test_label_noise_exchanges_pairs_with_their_labels():
    swap = torch.tensor([True, False, False, True])
    real, fake = numbered(0), numbered(10)
    assert swap_rows(swap, real, fake).labels.tolist() == [10, 1, 2, 13]
    assert swap_rows(swap, fake, real).labels.tolist() == [0, 11, 12, 3]
    trick, swapped = TRICKS["label_noise"](p=0.05), 0
    for i in range(500):
        with RngScope(0, i):
            mixed, _ = trick.mix(Batch(torch.zeros(8, 1, 2, 2)), Batch(torch.ones(8, 1, 2, 2)))
        swapped += int(mixed.images[:, 0, 0, 0].sum())
    assert abs(swapped / 4000 - 0.05) < 0.01


def test_under_packing_whole_packs_are_exchanged():
    """A pack of two sources is neither real nor fake (PacGAN, section 2)."""
    switches = {"packing": {"m": 4}, "replay": {"share": 0.5, "capacity": 4}, "label_noise": {"p": 0.5}}
    config = resolve_config(small("nsgan", tricks=switches, train={"batch_size": 16}), toy_data())
    t = Trainer(build_modules(config), BatchLoader(toy_data(), 0), config)
    sources, kinds = [], set()
    for i in range(8):
        real, fake = (Batch(torch.full((16, 1, 28, 28), value)) for value in (-1.0, i / 8))
        with RngScope(0, "d", i):
            mixed = torch.cat([samples.images[:, 0, 0, 0] for samples in t.mix(real, fake)])
        packs = mixed.view(-1, 4)
        assert (packs == packs[:, :1]).all()
        sources.append(packs[:, 0].tolist())
        kinds |= {value == -1.0 for value in sources[-1][:4]} | {value < i / 8 for value in sources[-1][4:]}
    assert kinds == {True, False}
    assert any(0 <= value < i / 8 for i, values in enumerate(sources) for value in values), "none of the past"


def strengths(decay: str) -> list[float]:
    trick, values = TRICKS["instance_noise"](std=0.4, steps=4, decay=decay), []
    for _ in range(6):
        values.append(round(trick.strength().item(), 4))
        trick.after_g_step()
    return values


def test_instance_noise_fades_as_it_says():
    assert strengths("linear") == [0.4, 0.3, 0.2, 0.1, 0.0, 0.0]
    assert strengths("cosine") == [0.4, 0.3414, 0.2, 0.0586, 0.0, 0.0]
    assert strengths("until") == [0.4, 0.4, 0.4, 0.4, 0.0, 0.0]


def test_instance_noise_has_its_strength_and_differs_between_batches():
    trick = TRICKS["instance_noise"](std=0.3)
    black = Batch(torch.zeros(64, 1, 16, 16))
    with RngScope(0, "d", 0):
        real, fake = trick.view(black).images, trick.view(black).images
    assert abs(real.std().item() - 0.3) < 0.01 and not torch.equal(real, fake)


def judged(features: torch.Tensor) -> DiscriminatorOutput:
    return DiscriminatorOutput(torch.zeros(len(features), 1, 1, 1), features=features)


def test_feature_matching_is_the_squared_distance_of_the_means():
    real = judged(torch.tensor([[0.0, 2.0], [2.0, 4.0]]))
    fake = judged(torch.tensor([[4.0, 0.0], [4.0, 2.0]], requires_grad=True))
    (term,) = TRICKS["feature_matching"](weight=0.5).g_terms(None, real, fake).values()
    assert term.item() == 0.5 * (3**2 + 2**2)
    term.backward()
    assert fake.features.grad.tolist() == [[1.5, -1.0], [1.5, -1.0]]


def test_historical_averaging_pulls_each_player_to_the_mean_of_its_own_past():
    G, D = nn.Linear(1, 1, bias=False), nn.Linear(1, 2, bias=False)
    nn.init.constant_(G.weight, 1.0)
    nn.init.constant_(D.weight, 0.0)
    trick = TRICKS["historical_averaging"](weight=2.0)
    trick.attach(G, D, numbered(0, 1))
    for value in (3.0, 5.0):
        nn.init.constant_(G.weight, value)
        trick.after_g_step()
    assert trick.g_terms(None, None, None)["history"].item() == 2 * (5 - 3) ** 2, "the mean of 1, 3, 5"
    assert trick.d_terms(None, None, None)["history"].item() == 0
    assert not list(trick.parameters()), "the players do not become part of the trick"


def test_a_lazy_penalty_is_taken_in_its_turn_times_the_interval():
    critic = lambda s: DiscriminatorOutput(s.images, score=2 * s.images.flatten(1).sum(1))  # noqa: E731
    trick = TRICKS["r1"](gamma=3.0, every=4)
    x = Batch(torch.randn(5, 1, 2, 2))
    terms = []
    for step in range(9):
        with RngScope(0, "d", step):
            terms.append(trick.d_terms(critic, x, x))
    assert [bool(t) for t in terms] == [False, False, False, True] * 2 + [False]
    assert abs(terms[3]["r1"].item() - 4 * 1.5 * 16) < 1e-4, "gamma/2 times |w|^2 = 4 x 2^2, four steps at once"


def test_only_a_trick_that_takes_a_statistic_couples_samples():
    """What is neutral, or noise of one size, is a mean over samples and can be taken part by part."""
    coupled = lambda name, **settings: TRICKS[name](**settings).couples_samples  # noqa: E731
    assert coupled("feature_matching") and not coupled("feature_matching", weight=0.0)
    assert coupled("dragan_gp") and coupled("dragan_gp", noise="one-sided")
    assert not coupled("dragan_gp", weight=0.0) and not coupled("dragan_gp", noise="gaussian")


def test_augmentations_keep_the_shape_pass_the_gradient_and_do_what_they_say():
    x = torch.rand(64, 3, 16, 16, requires_grad=True)
    for change in (jitter_color, translate, cutout):
        y = change(x)
        assert y.shape == x.shape
        (grad,) = torch.autograd.grad(y.sum(), x)
        assert grad.isfinite().all() and grad.abs().sum() > 0
    hole = (cutout(torch.ones(64, 1, 16, 16)) == 0).flatten(1).sum(1)
    assert hole.max() == 64 and hole.min() >= 16, "8 x 8, a quarter of it where it reaches over a corner"
    moved = translate(torch.ones(500, 1, 16, 16))
    missing = {tuple(((m == -1).all(1).sum().item(), (m == -1).all(0).sum().item())) for m in moved[:, 0]}
    assert missing == {(a, b) for a in range(3) for b in range(3)}, "up to 2 of 16 pixels each way"
    assert torch.allclose(scale_contrast(x, (1, 2, 3), torch.tensor(0.0)), x.mean((1, 2, 3), keepdim=True).expand_as(x))


def test_each_image_is_augmented_in_its_own_way():
    x = torch.rand(1, 3, 16, 16).expand(32, 3, 16, 16)
    y = TRICKS["augment"]().view(Batch(x)).images
    assert len({round(v, 4) for v in y.mean((1, 2, 3)).tolist()}) > 28


def test_packing_puts_neighbours_into_one_samples_channels():
    images = torch.arange(8.0).view(4, 2, 1, 1)
    packed = TRICKS["packing"](m=2).view(Batch(images, torch.arange(4)))
    assert packed.images.flatten(1).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]] and packed.labels is None
    assert TRICKS["packing"](m=3).seen_shape((2, 8, 8)) == (6, 8, 8)


def test_a_penalty_under_packing_is_taken_a_pack():
    """A linear critic of slope w on each pixel has, on a pack of two, the slope of both images together."""
    pack, gp = TRICKS["packing"](m=2), TRICKS["gp"](weight=1.0)
    critic = lambda s: DiscriminatorOutput(s.images, score=0.5 * s.images.flatten(1).sum(1))  # noqa: E731
    real, fake = (pack.view(Batch(torch.randn(6, 1, 2, 2))) for _ in range(2))
    with RngScope(0, "d", 0):
        term = gp.d_terms(critic, real, fake)["gp"]
    assert abs(term.item() - (0.5 * 8**0.5 - 1) ** 2) < 1e-5
