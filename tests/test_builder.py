"""What does not fit together is refused, with the reason, before anything is trained."""

from __future__ import annotations

import warnings

import pytest
import torch

from ganzoo.builder import build_modules, resolve_config, with_absolute_data_path
from ganzoo.config.batch_split import batch_split_incompatibilities
from ganzoo.data import BatchLoader, Dataset
from ganzoo.errors import InputError
from ganzoo.training.trainer import Trainer
from small_runs import small, toy_data


def refused(variant, dataset=None, **tables):
    with pytest.raises(InputError) as error:
        build_modules(resolve_config(small(variant, **tables), dataset or toy_data()))
    return str(error.value)


@pytest.mark.parametrize("variant", ["wgan-gp", "dragan", "rpgan"])
def test_batch_norm_in_a_d_whose_loss_takes_per_sample_gradients(variant):
    reason = refused(variant, networks={"discriminator": {"norm": "batch"}})
    assert "batch norm in D mixes samples" in reason and "networks.discriminator.norm='layer'" in reason


def test_layer_norm_there_is_fine():
    build_modules(resolve_config(small("wgan-gp", networks={"discriminator": {"norm": "layer"}}), toy_data()))


def test_a_class_head_on_data_without_labels():
    assert "needs labels, but the data 'digits' have none" in refused("acgan", toy_data(classes=0))
    assert "condition needs labels" in refused("cgan", toy_data(classes=0))


def test_a_class_head_of_the_loss_alone_needs_class_names_and_no_conditional_generator():
    assert "loss ssgan needs labels, but the data 'digits' have none" in refused("ssgan", toy_data(classes=0))
    game = build_modules(resolve_config(small("ssgan"), toy_data().partly_labelled(6)))
    assert game.latent.classes == 0 and game.discriminator.heads["class_logits"].out_features == 3


CONDITIONAL = {"generator": {"condition": "concat"}, "discriminator": {"condition": "channels"}}
PROJECTION = {"generator": {"condition": "concat"}, "discriminator": {"condition": "projection"}}


@pytest.mark.parametrize(
    ("variant", "networks"), [("cgan", {}), ("acgan", PROJECTION), ("nsgan", CONDITIONAL), ("infogan", CONDITIONAL)]
)
def test_an_unlabelled_real_in_front_of_a_conditional_d(variant, networks):
    resolve_config(small(variant, networks=networks), toy_data())
    reason = refused(variant, toy_data().partly_labelled(6), networks=networks)
    assert "34 of 'digits' have none; set networks.discriminator.condition='none'" in reason


def test_a_conditional_g_alone_never_meets_an_unlabelled_real():
    data = toy_data().partly_labelled(3)
    config = resolve_config(small("acgan"), data)
    trainer = Trainer(build_modules(config), BatchLoader(data, config.seed), config)
    asked = []
    trainer.G.register_forward_pre_hook(lambda module, args: asked.append(args[1]))
    for _ in range(5):
        trainer.train_step()
    assert min(labels.min() for labels in asked) >= 0 and len(asked) == 10
    assert (trainer.last_judged[0].labels < 0).any() and torch.isinf(trainer.first_bad)


def test_a_class_head_on_a_generator_that_knows_no_classes():
    assert "needs a conditional generator" in refused("acgan", networks={"generator": {"condition": "none"}})
    assert "needs a conditional generator" in refused("nsgan", networks={"discriminator": {"condition": "projection"}})


@pytest.mark.parametrize("variant", ["acgan", "ssgan"])
def test_a_d_that_is_told_the_class_that_it_is_to_name(variant):
    assert "condition='channels' gives D the class" in refused(variant, networks=CONDITIONAL)


def test_a_loss_that_no_label_enters():
    for networks in (CONDITIONAL, PROJECTION, {"generator": {"condition": "concat"}}):
        assert "G cannot learn labels with loss coulomb" in refused("coulomb", networks=networks)


@pytest.mark.parametrize("variant", ["nsgan", "rpgan", "began", "infogan"])
def test_a_d_that_is_neither_told_nor_asked_the_class_that_g_is_told(variant):
    blind = {"generator": {"condition": "concat"}}
    assert "G would not learn them; set networks.discriminator.condition" in refused(variant, networks=blind)
    assert "G cannot learn labels with loss ssgan" in refused("ssgan", networks=blind)


def test_minibatch_discrimination_of_batches_of_two_sizes():
    mixing = {"discriminator": {"minibatch_features": "discrimination"}}
    assert "set train.g_batch_multiple=1" in refused("nsgan", networks=mixing, train={"g_batch_multiple": 2})
    resolve_config(
        small("nsgan", networks={"discriminator": {"minibatch_features": "stddev"}}, train={"g_batch_multiple": 2}),
        toy_data(),
    )


def test_projection_without_a_score():
    tables = {"discriminator": {"condition": "projection"}, "generator": {"condition": "concat"}}
    assert "score" in refused("ebgan", networks=tables)


def test_a_penalty_on_a_score_that_d_does_not_give():
    assert "trick r1 needs D's score" in refused(
        "began", tricks={"r1": True}, networks={"discriminator": {"norm": "none"}}
    )


def test_a_size_that_the_backbone_cannot_reach():
    assert "nearest sizes" in refused("nsgan", toy_data(size=30))
    assert "nearest sizes" in refused("nsgan", toy_data(size=30), networks={"name": "resnet"})


def test_an_uneven_kernel_is_warned_about_and_refused_where_strict():
    uneven = {"generator": {"kernel": 5, "upsample": "convtranspose"}}
    with pytest.warns(UserWarning, match="5"):
        build_modules(resolve_config(small("nsgan", networks=uneven), toy_data()))
    assert "use kernel 4" in refused("nsgan", networks={**uneven, "strict_kernel": True})
    own = {"discriminator": {"kernel": 5, "upsample": "convtranspose"}, "strict_kernel": True}
    assert "networks.discriminator.kernel=5" in refused("began", networks=own)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        even = {"generator": {"kernel": 4, "upsample": "convtranspose"}, "strict_kernel": True}
        build_modules(resolve_config(small("nsgan", networks=even), toy_data()))


def points(n=50):
    return Dataset.from_tensor(torch.randn(n, 2, 1, 1))


def test_points_want_their_own_backbone_and_no_switch_of_images():
    assert "set networks.name='mlp'" in refused("nsgan", points())
    mlp = {"name": "mlp", "generator": {"width": 8}, "discriminator": {"width": 8}}
    assert "data.flip mirrors images" in refused("nsgan", points(), networks=mlp, data={"flip": True})


@pytest.mark.parametrize(
    ("player", "tables"),
    [
        ("generator", {"train": {"batch_size": 1}}),
        ("discriminator", {"train": {"batch_size": 1}}),
        ("generator", {"train": {"batch_size": 4, "gradient_accumulation": 4}}),
        ("discriminator", {"train": {"batch_size": 2}, "tricks": {"packing": {"m": 2}}}),
    ],
)
def test_batch_norm_of_one_vector(player, tables):
    mlp = {"name": "mlp", "generator": {"width": 8}, "discriminator": {"width": 8}}
    resolve_config(small("nsgan", networks=mlp, **tables), points())
    normed = mlp | {player: {"width": 8, "norm": "batch"}}
    reason = refused("nsgan", points(), networks=normed, **tables)
    assert (
        reason == f"batch norm needs at least two vectors, but the {player} gets one at a time; raise train.batch_size"
    )
    resolve_config(small("nsgan", networks=normed, **tables | {"train": {"batch_size": 8}}), points())


def test_one_vector_a_process_is_no_batch_to_normalise():
    mlp = {"name": "mlp", "generator": {"width": 8, "norm": "batch"}, "discriminator": {"width": 8}}
    config = resolve_config(small("nsgan", networks=mlp, train={"batch_size": 4}), points())
    assert list(batch_split_incompatibilities(config, [], 0, processes=2)) == []
    assert "the generator gets one at a time" in next(batch_split_incompatibilities(config, [], 0, processes=4))


def test_packing_builds_d_for_the_pack_and_refuses_what_has_no_pack():
    game = build_modules(resolve_config(small("nsgan", tricks={"packing": {"m": 4}}), toy_data(channels=3)))
    assert next(game.discriminator.parameters()).shape[1] == 12
    assert "a multiple of 3, but train.batch_size is 4" in refused("nsgan", tricks={"packing": {"m": 3}})
    assert "removes D's labels" in refused("cgan", tricks={"packing": True})


def test_a_trick_that_is_false_is_off_and_one_that_is_true_has_its_defaults():
    tricks = {"r1": False, "r2": True}
    config = resolve_config(small("rpgan", tricks=tricks), toy_data())
    assert config.tricks == {"r2": {"gamma": 10.0, "every": 1}}
    assert [trick.name for trick in build_modules(config).tricks] == ["r2"]


def test_a_resolved_config_holds_every_value_and_resolves_to_itself():
    data = toy_data()
    once = resolve_config(small("wgan-gp"), data)
    assert once.loss == {"name": "wgan-gp", "weight": 10.0}
    assert once.train.device == "cpu" and once.train.threads == 1
    assert once.networks.init in ("normal", "orthogonal", "he")
    assert (once.data.size, once.data.channels) == (28, 1)
    assert resolve_config(once, data) == once


def test_the_path_of_data_is_kept_whole_and_no_other_argument(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("bedroom", "ylecun/mnist"):
        (tmp_path / folder).mkdir(parents=True)
    for spec, kept in {
        "folder:bedroom": f"folder:{tmp_path / 'bedroom'}",
        "lsun:bedroom": "lsun:bedroom",
        "hf:ylecun/mnist": "hf:ylecun/mnist",
    }.items():
        assert with_absolute_data_path(small("nsgan", data={"spec": spec})).data.spec == kept


def test_a_device_that_is_not_there():
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    assert "device 'cuda' is not available here" in refused("nsgan", train={"device": "cuda"})


def test_a_norm_of_maps_is_refused_where_there_are_vectors():
    mlp = {"name": "mlp", "generator": {"width": 8}, "discriminator": {"width": 8, "norm": "instance"}}
    reason = refused("nsgan", points(), networks=mlp)
    assert reason == (
        "instance norm needs maps, but the backbone mlp has vectors; set networks.discriminator.norm='layer' or 'none'"
    )
