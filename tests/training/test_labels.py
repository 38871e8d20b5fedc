"""Labels of reals are moved to the device where something reads them, and nowhere else."""

from __future__ import annotations

import pytest
from test_variants import EVERY, trainer

from ganzoo.losses import LOSSES
from ganzoo.tricks import Trick

READ = {"acgan", "cgan", "ssgan"}


@pytest.mark.parametrize("variant", EVERY)
def test_only_a_loss_or_a_network_that_reads_labels_gets_them(variant):
    t = trainer(variant)
    seen = []
    t.D.register_forward_hook(lambda network, given, said: seen.append(given[0].labels is not None))
    t.train_step()
    assert any(seen) == (t.reals(4).labels is not None) == (variant in READ)


def test_every_loss_that_reads_labels_is_among_them():
    named = {name for name, loss in LOSSES.items() if loss.needs_labels or "class_logits" in loss.heads}
    assert named == READ - {"cgan"}, "which is nsgan with conditional networks"


def test_a_switch_that_conditions_a_player_brings_them():
    networks = {"generator": {"condition": "batch-norm"}, "discriminator": {"condition": "projection"}}
    assert trainer("hinge", networks=networks).reals(4).labels is not None


def test_a_trick_may_ask_for_them(monkeypatch):
    monkeypatch.setattr(Trick, "reads_labels", True)
    assert trainer("nsgan", tricks={"label_noise": True}).reals(4).labels is not None
    assert trainer("nsgan").reals(4).labels is None
