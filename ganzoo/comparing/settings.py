"""What is compared: one setting a row of the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from ganzoo.config import Config, Table, parse
from ganzoo.errors import InputError, unknown
from ganzoo.recipes import make, merge, nested

BASELINE = "baseline"
ALL = "all"


@dataclass(frozen=True)
class Setting:
    """A row: its name, the variant as the user wrote it, and the config that its cells train but for seed and steps."""

    name: str
    variant: str
    config: Config
    overrides: Table = field(default_factory=dict)
    """Dotted keys in which it differs from the variant, apart from what every setting of the comparison shares."""
    switches: tuple[str, ...] = ()
    refused: str | None = None
    """Why it cannot be trained."""
    left_out: Table = field(default_factory=dict)
    """Of `all`: the switches that are not in it, each with the reason."""

    def changed(self, overrides: Table) -> Setting:
        """With dotted `overrides` laid upon it."""
        table = merge(self.config.model_dump(mode="json"), nested(overrides))
        return replace(self, config=parse(Config, table), overrides=self.overrides | overrides)

    def record(self) -> Table:
        """Its entry in results.json."""
        names = ("name", "variant", "overrides", "switches", "refused", "left_out")
        return {name: list(value) if isinstance(value := getattr(self, name), tuple) else value for name in names}


def of_variants(variants: Iterable[str], shared: Table) -> tuple[Setting, ...]:
    """A setting for each variant or TOML file, the tables `shared` laid upon all; raises `InputError`."""
    configs = [(variant, make(variant, shared)) for variant in variants]
    settings = tuple(Setting(config.variant.replace("/", "-"), variant, config) for variant, config in configs)
    refuse_twice(setting.name for setting in settings)
    return settings


Switches = Mapping[str, Table]
"""By name: the dotted settings that switch a technique on."""
Largest = Callable[[Config], tuple[tuple[str, ...], Table, Table]]
"""For a config: the names of the largest legal set of switches, its dotted settings, and what was left out and why."""


def of_switches(
    variant: str, names: Iterable[str], shared: Table, switches: Switches, largest: Largest
) -> list[Setting]:
    """The baseline, each switch alone upon it, and for `all` the largest legal set; raises `InputError`."""
    names = list(names)
    refuse_twice((BASELINE, *names))
    base = Setting(BASELINE, variant, make(variant, shared))
    return [base, *(_switched(base, name, switches, largest) for name in names)]


def _switched(base: Setting, name: str, switches: Switches, largest: Largest) -> Setting:
    if name == ALL:
        chosen, overrides, left_out = largest(base.config)
        return replace(base.changed(overrides), name=ALL, switches=chosen, left_out=left_out)
    if name not in switches:
        raise unknown("switch", name, (*switches, ALL))
    try:
        return replace(base.changed(switches[name]), name=name, switches=(name,))
    except InputError as error:
        return replace(base, name=name, switches=(name,), overrides=switches[name], refused=str(error))


def checked(setting: Setting, build: Callable[[Config], object]) -> Setting:
    """`setting` as it is where `build` can make what its config describes; else refused, if it is one of switches.

    Raises `InputError` for a variant or baseline that does not fit.
    """
    if setting.refused:
        return setting
    try:
        build(setting.config)
    except InputError as error:
        if not setting.switches:
            raise InputError(f"{setting.name}: {error}") from None
        return replace(setting, refused=str(error))
    return setting


def refuse_twice(names: Iterable[str]) -> None:
    """Raise `InputError` where a name occurs more than once."""
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise InputError(f"{twice[0]} is given twice; each setting of a comparison needs a name of its own")
