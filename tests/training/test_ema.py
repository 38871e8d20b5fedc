import copy

import torch
from torch import nn

from ganzoo.training import ema


def twins():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = copy.deepcopy(network)
    with torch.no_grad():
        for value in average.state_dict().values():
            value.zero_()
        for value in network.state_dict().values():
            value.fill_(10)
    return average, network


def test_the_average_moves_by_one_minus_decay():
    average, network = twins()
    ema.update(average, network, decay=0.9, step=10**6)
    state = average.state_dict()
    assert torch.allclose(state["0.weight"], torch.tensor(1.0))
    assert torch.allclose(state["1.running_var"], torch.tensor(1.0)), "running statistics are averaged like weights"
    assert state["1.num_batches_tracked"] == 10, "counters are copied"


def test_the_decay_grows_from_a_tenth():
    average, network = twins()
    ema.update(average, network, decay=0.999, step=0)
    assert torch.allclose(average.state_dict()["0.bias"], torch.tensor(9.0))


def test_decay_zero_copies():
    average, network = twins()
    ema.update(average, network, decay=0.0, step=0)
    assert all(torch.equal(a, b) for a, b in zip(average.parameters(), network.parameters(), strict=True))
