from __future__ import annotations

from importlib import import_module

import pytest


@pytest.fixture
def rmsprop_is_capturable_on_a_cpu(monkeypatch):
    """It would be: PyTorch refuses because there is no graph on a CPU."""
    module = import_module("torch.optim.rmsprop")  # which torch.optim does not name
    monkeypatch.setattr(module, "_get_capturable_supported_devices", lambda *_: ["cpu"])
