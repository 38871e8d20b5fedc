from __future__ import annotations

import numpy as np
import pytest
import torch

from ganzoo.errors import InputError
from ganzoo.evaluation import OnlineEvaluator, metrics
from ganzoo.evaluation.features import FeatureReader
from tiny_extractor import data, drawer, pictures, tiny


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path))


def test_the_point_of_a_curve_is_the_kid_of_all_its_images():
    curve = OnlineEvaluator(data(200), tiny(), n=150)
    point = curve.measure(drawer(pictures(150, 3, brightness=0.3)))
    samples, real = (
        FeatureReader(tiny()).samples(drawer(pictures(150, 3, brightness=0.3)), 150),
        FeatureReader(tiny()).data(data(200).subset(150)),
    )
    expected = metrics.kid_of_subsets(samples.features, real.features, 1, 150).value
    assert point == {"kid-tiny@150/train": expected} and expected > 0


def test_it_falls_as_samples_come_nearer():
    curve = OnlineEvaluator(data(400), tiny(), n=400)
    far, near = (curve.measure(drawer(pictures(400, 3, brightness=b)))[curve.name] for b in (0.5, 0.1))
    assert far > 2 * near


def test_fid_is_there_too():
    curve = OnlineEvaluator(data(100), tiny(), metric="fid")
    assert list(curve.measure(drawer(pictures(100, 3)))) == ["fid-tiny@100/train"]


def test_the_reference_is_read_once_and_no_random_stream_is_disturbed():
    curve = OnlineEvaluator(data(100), tiny(), n=60)
    network, draw = curve.reader.extractor.network, drawer(pictures(60, 3))
    before, state, numpy_state = network.read, torch.get_rng_state(), np.random.get_state()[1].copy()
    one, two = curve.measure(draw), curve.measure(draw)
    assert one == two and network.read == before + 120
    assert torch.equal(torch.get_rng_state(), state) and (np.random.get_state()[1] == numpy_state).all()


def test_what_cannot_be_is_said_before_a_training_begins(monkeypatch):
    with pytest.raises(InputError, match="at least 2 images"):
        OnlineEvaluator(data(10), tiny(), n=1)
    with pytest.raises(InputError, match="takes grayscale images"):
        OnlineEvaluator(data(10), tiny(channels=0))
    monkeypatch.setitem(__import__("sys").modules, "torch_fidelity.metric_kid", None)
    with pytest.raises(InputError, match="torch-fidelity"):
        OnlineEvaluator(data(10), tiny())
