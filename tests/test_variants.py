"""What must hold of every variant: it builds on every backbone and upsampler, steps, and moves the right player."""

from __future__ import annotations

import pytest
import torch

import ganzoo
from ganzoo import api
from ganzoo.builder import build_modules, resolve_config
from ganzoo.config.recipes import make_config, variants
from ganzoo.data import BatchLoader, Dataset, load
from ganzoo.networks import BACKBONES, UPSAMPLERS, generator_schema
from ganzoo.training.trainer import Trainer
from small_runs import small, toy_data

FOURTEEN = (
    "minimax nsgan lsgan wgan wgan-gp dragan acgan ebgan began infogan coulomb hinge rpgan cgan".split()
)  # fmt: skip
EVERY = (*FOURTEEN, "ssgan", "klgan", "vaegan", "rahinge", "ralsgan")
IMAGE_BACKBONES = [name for name in BACKBONES if "upsample" in generator_schema(name)]


def trainer(variant: str, size: int = 28, channels: int = 1, **tables) -> Trainer:
    data = toy_data(size=size, channels=channels)
    config = resolve_config(small(variant, **tables), data)
    return Trainer(build_modules(config), BatchLoader(data, config.seed), config)


def snapshot(network):
    return {name: p.detach().clone() for name, p in network.named_parameters()}


def same(network, before):
    return all(torch.equal(p, before[name]) for name, p in network.named_parameters())


def test_the_fourteen_are_there():
    assert set(EVERY) <= variants().keys()


@pytest.mark.parametrize("variant", EVERY)
def test_every_variant_takes_two_steps_on_r3gans_network(variant):
    """A recipe's options that this backbone lacks are left out; spectral norm needs weights other than 0."""
    init = {"init": "he"} if small(variant).networks.discriminator.get("spectral_norm") else {}
    t = trainer(variant, size=16, networks={"name": "r3gan"} | init)
    assert t.config.networks.init == init.get("init", "fixup")
    for _ in range(2):
        t.train_step()
    assert torch.isinf(t.first_bad)


@pytest.mark.parametrize("upsample", list(UPSAMPLERS))
@pytest.mark.parametrize("backbone", IMAGE_BACKBONES)
@pytest.mark.parametrize("variant", EVERY)
def test_every_variant_takes_two_steps_on_every_backbone_and_upsampler(variant, backbone, upsample):
    networks = {"name": backbone, "generator": {"upsample": upsample}}
    if "upsample" in small(variant).networks.discriminator:
        networks["discriminator"] = {"upsample": upsample}
    t = trainer(variant, networks=networks)
    for _ in range(2):
        t.train_step()
    terms = {**t.d_terms, **t.g_terms}
    assert all(value.isfinite() for value in terms.values()), terms
    assert torch.isinf(t.first_bad)


@pytest.mark.parametrize("variant", [v for v in FOURTEEN if "condition" not in small(v).networks.generator])
def test_every_unconditional_variant_trains_on_points_and_draws_them(variant, tmp_path):
    config = small(variant)
    plain = {"width": 8, "norm": "none"}
    networks = config.networks.model_copy(update={"name": "mlp", "generator": plain, "discriminator": plain})
    short = config.train.model_copy(update={"steps": 2})
    data = Dataset.from_tensor(torch.randn(60, 2, 1, 1) * 3)
    run = api.train(config.model_copy(update={"networks": networks, "train": short}), data, tmp_path / "run")
    assert ganzoo.load(run).sample(5).shape == (5, 2, 1, 1)
    assert (run / "samples/00000002.png").exists()


@pytest.mark.parametrize("spec", ["ring", "grid"])
@pytest.mark.parametrize("variant", EVERY)
def test_every_variant_trains_on_points_without_a_setting(variant, spec):
    data = load(spec, max_images=100)
    config = make_config(variant, {"data": {"spec": spec}, "train": {"device": "cpu", "threads": 1, "batch_size": 8}})
    config = resolve_config(config, data)
    assert config.networks.name == "mlp" and config.networks.generator["width"] == 128
    t = Trainer(build_modules(config), BatchLoader(data, config.seed), config)
    for _ in range(2):
        t.train_step()
    assert torch.isinf(t.first_bad)
    assert t.example().images.shape == (1, 2, 1, 1)


@pytest.mark.filterwarnings("ignore:a transposed convolution with kernel")  # in seeds/, on purpose
@pytest.mark.parametrize("variant", list(variants()))
def test_every_config_that_ships_says_what_it_is_and_builds_as_written(variant):
    config = make_config(variant)
    game = build_modules(resolve_config(config, fitting(variant)))
    assert "arXiv:" in config.about
    assert sum(p.numel() for p in game.generator.parameters()) > (40_000 if config.data.spec == "ring" else 100_000)


def fitting(variant: str) -> Dataset:
    """Data of the kind that a config is for."""
    if make_config(variant).data.spec == "ring":
        return load("ring", max_images=100)
    return toy_data(size=32, channels=3 if make_config(variant).data.spec == "cifar10" else 1, classes=10)


@pytest.mark.filterwarnings("ignore:a transposed convolution with kernel")
@pytest.mark.parametrize("variant", [name for name in variants() if "/" in name])
def test_every_config_in_a_folder_takes_two_steps(variant):
    data = fitting(variant)
    config = resolve_config(small(variant), data)
    t = Trainer(build_modules(config), BatchLoader(data, config.seed), config)
    for _ in range(2):
        t.train_step()
    assert torch.isinf(t.first_bad)


@pytest.mark.parametrize("variant", EVERY)
def test_each_step_moves_its_own_player_alone(variant):
    t = trainer(variant)
    g, d = snapshot(t.G), snapshot(t.D)
    t.d_step()
    assert same(t.G, g) and not same(t.D, d), "D's step"
    assert all(p.grad is None for p in t.G.parameters()), "no gradient of D's step reaches G"
    d = snapshot(t.D)
    t.g_step()
    assert same(t.D, d) and not same(t.G, g), "G's step"


IDLE = {"wgan", "wgan-gp", "rpgan", "rahinge", "ralsgan", "hinge"}
"""Where the last bias of D cancels between real and fake; hinge's as long as all scores lie within its margins."""


def last_bias(name: str) -> bool:
    return name.startswith("heads.score") and name.endswith("bias")


@pytest.mark.parametrize("variant", EVERY)
def test_every_parameter_gets_a_gradient_and_moves(variant):
    t = trainer(variant, networks={"init": "he"})
    g, d = snapshot(t.G), snapshot(t.D)
    for _ in range(3):
        t.train_step()
    stuck = [n for net, before in ((t.G, g), (t.D, d)) for n, p in net.named_parameters() if torch.equal(p, before[n])]
    allowed = [n for n in stuck if variant in IDLE and last_bias(n)]
    assert stuck == allowed, stuck


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    def after_two(seed):
        t = trainer("infogan", seed=seed)
        t.train_step()
        t.train_step()
        return torch.cat([p.detach().flatten() for p in t.G.parameters()])

    assert torch.equal(after_two(0), after_two(0))
    assert not torch.equal(after_two(0), after_two(1))


def test_images_d_steps_and_g_steps_are_counted_apart():
    t = trainer("nsgan", train={"ratio": "3:2", "batch_size": 5})
    for _ in range(4):
        t.train_step()
    assert (t.step, t.d_steps, t.g_steps, t.images) == (4, 6, 4, 30)


def test_five_critic_steps_are_five_steps_on_five_batches():
    """Trap 13: five steps, not one of five times the rate."""
    t = trainer("wgan-gp", train={"ratio": "5:1"})
    seen, moves = [], []
    next_batch, step = t.batches.next, t.optimizer_step
    t.batches.next = lambda n: seen.append(next_batch(n)) or seen[-1]
    t.optimizer_step = lambda optimizer, micro: moves.append(optimizer) or step(optimizer, micro)
    t.train_step()
    assert moves == [t.opt_d] * 5 + [t.opt_g]
    assert len({batch.images.sum().item() for batch in seen}) == 5


def test_the_g_batch_is_a_multiple_of_ds():
    t = trainer("nsgan", train={"g_batch_multiple": 3})
    sizes = []
    t.D.register_forward_hook(lambda module, args, out: sizes.append(len(args[0])))
    t.train_step()
    assert sizes == [4, 4, 12]


def test_where_d_is_conditional_the_fakes_of_its_step_carry_the_labels_of_the_reals():
    t = trainer("cgan")
    labels = []
    t.D.register_forward_hook(lambda module, args, out: labels.append(args[0].labels.tolist()))
    t.d_step()
    assert labels[0] == labels[1]


def test_the_fakes_of_acgans_d_have_the_classes_of_the_reals():
    """Odena et al. draw c ~ p_c: otherwise the two halves of D's objective disagree on data of unlike classes."""
    t = trainer("acgan")
    t.d_step()
    assert t.last_judged[0].labels.tolist() == t.last_judged[1].labels.tolist()


def test_where_g_reads_reals_each_fake_meets_one_of_its_class():
    conditional = {"generator": {"condition": "concat"}, "discriminator": {"condition": "channels"}}
    t = trainer("rpgan", networks=conditional, train={"g_batch_multiple": 2})
    labels = []
    t.D.register_forward_hook(lambda module, args, out: labels.append(args[0].labels.tolist()))
    t.g_step()
    assert len(labels) == 2 and sorted(map(len, labels)) == [8, 8] and labels[0] == labels[1]


def test_real_and_fake_go_through_d_as_separate_batches():
    t = trainer("nsgan")
    batches = []
    t.D.register_forward_hook(lambda module, args, out: batches.append(args[0].images))
    t.d_step()
    assert len(batches) == 2 and len(batches[0]) == len(batches[1]) == 4
