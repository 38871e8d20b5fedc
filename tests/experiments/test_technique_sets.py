"""The largest legal set is legal, and the largest."""

from __future__ import annotations

from ganzoo.config.techniques import technique_settings, techniques
from ganzoo.experiments.technique_sets import conflict, incompatibility, largest_compatible_set
from small_runs import small, toy_data


def test_what_is_chosen_fits_and_nothing_can_be_added():
    config, data = small("wgan-gp"), toy_data()
    chosen, settings, refused = largest_compatible_set(config, data)
    assert {*chosen, *refused} == {name for technique in techniques() for name in technique.on}
    assert incompatibility(config, data, settings) is None and settings.keys() == set().union(
        *(technique_settings()[n] for n in chosen)
    )
    for name, reason in refused.items():
        assert reason == (
            conflict(name, chosen) or incompatibility(config, data, settings | technique_settings()[name])
        )


def test_the_first_of_two_stays_and_a_later_one_may_make_room():
    config, data = small("nsgan"), toy_data(classes=0)
    chosen, _, refused = largest_compatible_set(config, data, ["gp", "instance-norm", "layer-norm", "labels"])
    assert chosen == ("instance-norm", "gp"), "the config has batch norm in D, under which no penalty may be"
    assert refused["layer-norm"] == "layer-norm and instance-norm both set networks.discriminator.norm"
    assert "have none" in refused["labels"]
