"""Features of a batch, by hand."""

from math import exp

import pytest
import torch

from ganzoo.batch import Batch
from ganzoo.builder import build_modules, resolve_config
from ganzoo.errors import InputError
from ganzoo.networks import initialize, make_discriminator
from ganzoo.networks.minibatch_features import MinibatchDiscrimination, MinibatchStdDev
from small_runs import small, toy_data


def test_standard_deviation_is_one_number_for_the_batch():
    out = MinibatchStdDev(2)(torch.tensor([[0.0, 5.0], [2.0, 5.0]]))
    assert out[:, :2].tolist() == [[0.0, 5.0], [2.0, 5.0]]
    assert torch.allclose(out[:, 2], torch.tensor([0.5, 0.5]), atol=1e-4), "(1 + 0) / 2 for both"


def test_standard_deviation_has_a_slope_where_all_are_alike():
    x = torch.ones(4, 3, requires_grad=True)
    MinibatchStdDev(3)(x).sum().backward()
    assert x.grad.isfinite().all()


def test_discrimination_is_a_sum_of_exponentials_of_l1_distances_to_the_others():
    layer = MinibatchDiscrimination(1)
    with torch.no_grad():
        layer.project.weight.fill_(0.1)
    out = layer(torch.tensor([[0.0], [1.0], [3.0]]))
    near = [exp(-0.8 * d) for d in (1, 2, 3)]
    expected = torch.tensor([near[0] + near[2], near[0] + near[1], near[2] + near[1]])
    assert torch.allclose(out[:, 1:], expected[:, None].expand(3, 16), atol=1e-5)
    assert torch.equal(layer(torch.tensor([[0.7]]))[:, 1:], torch.zeros(1, 16)), "alone, close to nobody"


def test_discrimination_tells_samples_that_lie_far_apart_in_bfloat16_too():
    layer = MinibatchDiscrimination(1)
    with torch.no_grad():
        layer.project.weight.fill_(1.0)
    with torch.autocast("cpu", torch.bfloat16):
        out = layer(torch.tensor([[0.0], [1.0]]))
    assert torch.allclose(out[:, 1:], torch.tensor(exp(-8.0)), rtol=0.01, atol=0)


@pytest.mark.parametrize("kind", ["stddev", "discrimination"])
def test_d_sees_that_all_fakes_are_alike(kind):
    d = make_discriminator("dcgan", {"width": 4, "norm": "none", "minibatch_features": kind}, shape=(1, 28, 28))
    initialize(d, "he", 0, "discriminator")
    x = torch.randn(1, 1, 28, 28)
    varied = torch.cat([x, torch.randn(3, 1, 28, 28)])
    alike, among = d(Batch(x.expand(4, 1, 28, 28))), d(Batch(varied))
    assert torch.allclose(alike.features[0], among.features[0], atol=1e-5)
    assert not torch.allclose(alike.score[0], among.score[0], atol=1e-4)


@pytest.mark.parametrize("kind", ["stddev", "discrimination"])
@pytest.mark.parametrize("variant", ["nsgan", "ebgan", "acgan", "hinge"])
def test_it_builds_with_any_heads(variant, kind):
    build_modules(resolve_config(small(variant, networks={"discriminator": {"minibatch_features": kind}}), toy_data()))


def test_it_is_refused_under_a_penalty_on_each_samples_slope():
    with pytest.raises(InputError, match=r"minibatch features mix samples.*minibatch_features='none'"):
        resolve_config(small("wgan-gp", networks={"discriminator": {"minibatch_features": "stddev"}}), toy_data())
