"""Generator and discriminator: conditions, heads, spectral norm, and what is refused."""

import pytest
import torch
from torch import nn

from ganzoo.batch import Batch
from ganzoo.errors import InputError
from ganzoo.networks import (
    BACKBONES,
    HEADS,
    Backbone,
    Discriminator,
    discriminator_schema,
    generator_schema,
    initialize,
    make_discriminator,
    make_generator,
)
from ganzoo.networks.layers import ConditionalBatchNorm

SHAPE = (1, 28, 28)
LABELS = torch.tensor([0, 1, 2, 1])
IMAGES = ["dcgan", "resnet"]
NORMED = [*IMAGES, "mlp"]


def generator(backbone="dcgan", classes=3, **options):
    network = make_generator(backbone, {"width": 4} | options, shape=SHAPE, latent=5, classes=classes)
    initialize(network, "he", 0, "generator")
    return network


def discriminator(backbone="dcgan", heads=("score",), classes=3, code_outputs=0, **options):
    norm = {"norm": "none"} if "norm" in discriminator_schema(backbone) else {}
    table = {"width": 4} | norm | options
    network = make_discriminator(backbone, table, shape=SHAPE, heads=heads, classes=classes, code_outputs=code_outputs)
    initialize(network, "he", 0, "discriminator")
    return network


def images():
    return torch.randn(4, *SHAPE)


@pytest.mark.parametrize("backbone", IMAGES)
@pytest.mark.parametrize("condition", ["concat", "batch-norm"])
def test_label_changes_the_image(backbone, condition):
    g, z = generator(backbone, condition=condition).eval(), torch.randn(1, 5).expand(3, 5)
    one, two, again = g(z, torch.tensor([0, 1, 0]))
    torch.testing.assert_close(one, again)
    assert (one - two).abs().max() > 1e-3


@pytest.mark.parametrize("backbone", BACKBONES)
def test_without_condition_the_label_is_ignored(backbone):
    g, z = generator(backbone).eval(), torch.randn(4, 5)
    assert torch.equal(g(z), g(z, LABELS))


def test_embedding_joins_z():
    g, z = generator(condition="concat", embedding=7), torch.randn(4, 5)
    assert g.embedding.weight.shape == (3, 7)
    assert g.decoder.stem.project.linear.in_features == 5 + 7
    expected = g.decoder(torch.cat([z, g.embedding.weight[LABELS]], 1))
    torch.testing.assert_close(g(z, LABELS), expected)


@pytest.mark.parametrize(("backbone", "norms"), [("dcgan", 2), ("resnet", 5), ("mlp", 3)])
def test_batch_norm_of_every_layer_is_conditional(backbone, norms):
    g = generator(backbone, condition="batch-norm", norm="batch")
    assert sum(isinstance(m, ConditionalBatchNorm) for m in g.modules()) == norms
    assert g(torch.randn(4, 5), LABELS).shape == (4, *SHAPE)


def test_embedding_becomes_channels():
    d = discriminator(condition="channels", embedding=2)
    seen = []
    d.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    batch = Batch(images(), LABELS)
    judged = d(batch)
    assert judged.images is batch.images
    assert torch.equal(seen[0][:, :1], batch.images)
    planes = d.embedding.weight[LABELS][:, :, None, None].expand(4, 2, 28, 28)
    assert torch.equal(seen[0][:, 1:], planes)


@pytest.mark.parametrize("condition", ["channels", "projection"])
@pytest.mark.parametrize("backbone", IMAGES)
def test_label_changes_the_score(backbone, condition):
    d, x = discriminator(backbone, condition=condition), images()[:1].expand(3, *SHAPE)
    one, two, again = d(Batch(x, torch.tensor([0, 1, 0]))).score
    torch.testing.assert_close(one, again)
    assert (one - two).abs() > 1e-3


@pytest.mark.parametrize("backbone", BACKBONES)
def test_projection_is_the_formula(backbone):
    """Miyato & Koyama 2018: psi(features) + <V y, features>."""
    d = discriminator(backbone, condition="projection")
    judged = d(Batch(images(), LABELS))
    assert list(d.projection.state_dict()) == ["weight"]
    inner = (d.projection.weight[LABELS] * judged.features).sum(1)
    torch.testing.assert_close(judged.score, d.heads["score"](judged.features) + inner)


def test_product_is_the_formula():
    """R3GAN's code: <V y, W features>, without a bias and without any other score."""
    d = discriminator(condition="product", embedding=7)
    judged = d(Batch(images(), LABELS))
    head = d.heads["score"]
    assert [*head.state_dict()] == ["linear.weight", "embedding.weight"] and d.projection is None
    expected = (head.embedding.weight[LABELS] * (judged.features @ head.linear.weight.T)).sum(1)
    torch.testing.assert_close(judged.score, expected)


def test_a_score_without_a_bias():
    assert [*discriminator(score_bias=False).heads["score"].state_dict()] == ["weight"]


def test_labels_that_are_missing():
    with pytest.raises(ValueError, match="conditional generator needs labels"):
        generator(condition="concat")(torch.randn(4, 5))
    for condition in ("channels", "projection", "product"):
        with pytest.raises(ValueError, match="conditional discriminator needs labels"):
            discriminator(condition=condition)(Batch(images()))


@pytest.mark.parametrize("backbone", BACKBONES)
def test_heads_fill_their_fields_and_no_others(backbone):
    widths = {"score": (4,), "class_logits": (4, 3), "code_logits": (4, 6), "reconstruction": (4, *SHAPE)}
    assert set(widths) == set(HEADS)
    for head in HEADS:
        batch = Batch(images(), LABELS, torch.zeros(4, 6))
        judged = discriminator(backbone, (head,), code_outputs=6)(batch)
        assert (judged.images, judged.labels, judged.code) == (batch.images, batch.labels, batch.code)
        assert {name: v.shape for name in widths if (v := getattr(judged, name)) is not None} == {head: widths[head]}


def test_score_and_class_heads_are_linear_in_the_features():
    d = discriminator(heads=("score", "class_logits"))
    judged = d(Batch(images()))
    weight = d.heads["score"].weight[0]
    torch.testing.assert_close(judged.score, judged.features @ weight)
    torch.testing.assert_close(judged.class_logits, judged.features @ d.heads["class_logits"].weight.T)


@pytest.mark.parametrize("backbone", NORMED)
def test_autoencoder_takes_the_options_of_d(backbone):
    """One width, norm and activation for both halves; the rest is the decoder's."""
    d = discriminator(
        backbone, ("reconstruction",), bottleneck=9, norm="layer", activation="elu", width=6, output="linear"
    )
    head = d.heads["reconstruction"]
    assert head.code.weight.shape == (9, d.encoder.features)
    modules = list(head.decoder.modules())
    assert any(isinstance(m, nn.GroupNorm) for m in modules)
    assert any(isinstance(m, nn.ELU) for m in modules)
    assert not any(isinstance(m, nn.ReLU | nn.LeakyReLU | nn.BatchNorm2d | nn.Tanh) for m in modules)
    x = d(Batch(images()))
    torch.testing.assert_close(x.reconstruction, head.decoder(x.features @ head.code.weight.T))


def test_autoencoder_copies_the_image_alone_where_labels_are_channels():
    d = discriminator(heads=("reconstruction",), condition="channels")
    assert d(Batch(images(), LABELS)).reconstruction.shape == (4, *SHAPE)


@pytest.mark.parametrize(("norm", "mixes"), [("batch", True), ("instance", False), ("layer", False), ("none", False)])
@pytest.mark.parametrize("backbone", IMAGES)
def test_only_batch_norm_lets_a_score_depend_on_the_batch(backbone, norm, mixes):
    d, x = discriminator(backbone, norm=norm), images()
    others = torch.cat([x[:1], 3 * images()[1:]])
    same = torch.allclose(d(Batch(x)).score[0], d(Batch(others)).score[0], atol=1e-5)
    assert same is not mixes


@pytest.mark.parametrize(
    ("backbone", "condition"), [("dcgan", "channels"), ("resnet", "projection"), ("mlp", "projection")]
)
def test_spectral_norm_on_every_layer(backbone, condition):
    """Miyato et al. 2018: the largest singular value of each weight, as a matrix of its outputs, is 1."""
    d = discriminator(backbone, tuple(HEADS), code_outputs=2, condition=condition, spectral_norm=True)
    for _ in range(60):
        d(Batch(images(), LABELS))
    layers = [m for m in d.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.Embedding)]
    assert len(layers) == sum("weight.original" in name for name, _ in d.named_parameters()) > 5
    for layer in layers:
        weight = layer.weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else layer.weight
        assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(1, rel=0.02)


def test_spectral_norm_is_for_d_alone_and_off_by_default():
    assert "spectral" not in generator_schema("dcgan")
    assert not any("parametrizations" in name for name in discriminator().state_dict())


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda: generator(classes=0, condition="concat"), "generator's condition = 'concat' needs labels"),
        (lambda: generator(condition="batch-norm", norm="layer"), "needs norm = 'batch' in the generator, not 'layer'"),
        (lambda: generator(condition="concatt"), "did you mean 'concat'"),
        (lambda: discriminator(classes=0, condition="channels"), "discriminator's condition = 'channels' needs labels"),
        (lambda: discriminator(heads=("reconstruction",), condition="projection"), "changes the score"),
        (lambda: discriminator(condition="projektion"), "did you mean 'projection'"),
        (lambda: discriminator(heads=("class_logits",), classes=0), "a class head needs labels"),
        (lambda: discriminator(heads=("code_logits",)), "a code head needs a latent code"),
        (
            lambda: discriminator(heads=("class_logit",)),
            "no head of D is called 'class_logit'; did you mean 'class_logits'",
        ),
        (
            lambda: discriminator(spectrl=True),
            "no option of the discriminator is called 'spectrl'; did you mean 'spectral_norm'",
        ),
        (lambda: discriminator(bottleneck=3), "no option of the discriminator is called 'bottleneck'"),
        (lambda: generator(downsample="pool"), "no option of the generator is called 'downsample'"),
        (lambda: generator("dcgann"), "no backbone is called 'dcgann'; did you mean 'dcgan'"),
        (lambda: generator(norm="bach"), "no norm is called 'bach'; did you mean 'batch'"),
        (lambda: generator(activation="rel"), "no activation is called 'rel'; did you mean 'relu'"),
        (lambda: discriminator(downsample="pol"), "no downsampler is called 'pol'; did you mean 'pool'"),
    ],
)
def test_refusals_say_why(build, reason):
    with pytest.raises(InputError, match=reason) as error:
        build()
    assert "\n" not in str(error.value)


def test_a_backbone_without_decoder(monkeypatch):
    monkeypatch.setitem(BACKBONES, "half", Backbone(None, BACKBONES["dcgan"].encoder, "normal", "images"))
    assert discriminator("half")(Batch(images())).score.shape == (4,)
    for build in (lambda: generator("half"), lambda: discriminator("half", ("reconstruction",))):
        with pytest.raises(InputError, match="'half' has no decoder"):
            build()


def test_the_signatures_are_the_schema():
    schema = discriminator_schema("dcgan", ("score",))
    assert list(schema)[:3] == ["condition", "embedding", "minibatch_features"]
    assert "hidden" not in schema
    full = discriminator_schema("dcgan", ("score", "reconstruction"))
    assert list(full) == [*schema, "bottleneck", "upsample", "noise", "dropout", "output"]
    assert full["norm"].default == schema["norm"].default
    assert full["activation"].default == "leaky-relu", "the encoder's default, which both halves share"
    assert list(generator_schema("mlp"))[2:] == ["width", "depth", "norm", "activation", "noise", "dropout", "output"]
    assert all(p.annotation is not p.empty and p.default is not p.empty for p in full.values())


def test_players_without_the_factory():
    """Ordinary modules: any encoder that says `features`, any heads."""

    class Mean(nn.Flatten):
        features = 784

    d = Discriminator(
        lambda shape: Mean(), SHAPE, {"score": lambda features: nn.Sequential(nn.Linear(features, 1), nn.Flatten(0))}
    )
    assert d(Batch(images())).score.shape == (4,)
