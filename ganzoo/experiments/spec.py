"""Specification of a comparison: options and settings, with checks."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ganzoo.config.recipes import make_config, with_settings
from ganzoo.config.schema import Config
from ganzoo.config.tables import Table, flatten, unflatten
from ganzoo.errors import InputError, unknown_name
from ganzoo.experiments.budget import Budget
from ganzoo.experiments.setting_schema import SettingRecord


@dataclass(frozen=True)
class CompareOptions:
    """The options of a comparison, from the command line or a program."""

    kind: str
    """The command: "compare" or "ablate"."""
    settings: "tuple[Setting, ...]"
    shared: Table
    """Config tables for all settings."""
    seeds: int
    budget: Budget
    out: Path
    n: int | None = None
    """Samples per score; None: 10,000, or the number in the protocol of data with known modes."""
    metrics: Sequence[str] | None = None
    extractor: str | None = None
    """Feature extractor; None: the default for the data."""
    jobs: int = 1
    """Simultaneous cells on one machine."""
    tune: int = 0
    """Hyperparameter draws per setting; 0 = no tuning."""
    cluster: str | None = None
    """The address of a Ray cluster, or `local`."""
    plugins: Mapping[str, str] = field(default_factory=dict)
    """Path -> source of the user's plugin files, which every worker runs first (`ganzoo.parts`)."""
    quiet: bool = False
    """No progress output."""
    options: tuple[str, ...] = ()
    """Remaining command-line arguments, for reproducing the command."""


MAX_COUNT = {"seeds": 10_000, "jobs": 1024, "n": 10_000_000, "tune": 10_000}


def check_options(request: CompareOptions) -> None:
    """Raise `InputError` for invalid or contradictory options."""
    for name, most in MAX_COUNT.items():
        option = "-n" if name == "n" else f"--{name}"
        if (value := getattr(request, name)) is not None and value < 1 and name != "tune":
            raise InputError(f"{option} must be at least 1, not {value}")
        if value is not None and value > most:
            raise InputError(f"{option} must be at most {most:,}, not {value}")
    check_overrides(flatten(request.shared), request.budget)
    if request.tune < 0 or request.tune == 1:
        raise InputError(f"--tune {request.tune}: tuning needs at least 2 draws")
    if request.budget.minutes and (request.jobs > 1 or request.cluster):
        raise InputError("--budget minutes=... must run one cell at a time; remove --jobs and --cluster")


def check_overrides(shared: Table, budget: Budget) -> None:
    """Raise `InputError` if `shared` sets a seed, or a number of steps that contradicts the budget."""
    if "seed" in shared:
        raise InputError("--set seed: a comparison uses the seeds 0, 1, 2, ...; set their number with --seeds")
    steps = shared.get("train.steps")
    if steps is not None and (budget.unit, budget.amount) != ("steps", steps):
        raise InputError(f"--set train.steps={steps} contradicts --budget {budget}; remove it")


BASELINE = "baseline"
ALL_SWITCHES = "all"


@dataclass(frozen=True)
class Setting:
    """A setting: its name, the variant as given by the user, and the config of its cells, except seed and steps."""

    name: str
    variant: str
    config: Config
    overrides: Table = field(default_factory=dict)
    """Dotted keys in which it differs from the variant, except those set for all settings."""
    switches: tuple[str, ...] = ()
    refused: str | None = None
    """The reason if it cannot be trained, else None."""
    left_out: dict[str, str] = field(default_factory=dict)
    """For `all`: the omitted switches, each with the reason."""

    def changed(self, overrides: Table) -> "Setting":
        """A copy with the dotted `overrides` applied."""
        config = with_settings(self.config, unflatten(overrides))
        return replace(self, config=config, overrides=self.overrides | overrides)

    def record(self, config: Table | None = None) -> SettingRecord:
        """The entry of the setting in results.json; `config`: dotted keys of its resolved config, if it is known."""
        return SettingRecord(
            name=self.name,
            variant=self.variant,
            overrides=self.overrides,
            switches=list(self.switches),
            refused=self.refused,
            left_out=self.left_out,
            **{} if config is None else {"config": config},
        )


def settings_of_variants(variants: Iterable[str], shared: Table) -> tuple[Setting, ...]:
    """A setting for each variant or TOML file, each updated with the tables `shared`; raises `InputError`."""
    configs = [(variant, make_config(variant, shared)) for variant in variants]
    settings = tuple(Setting(config.variant.replace("/", "-"), variant, config) for variant, config in configs)
    check_unique(setting.name for setting in settings)
    return settings


Switches = Mapping[str, Table]
"""Name of a switch -> the dotted settings that turn a technique on."""
Largest = Callable[[Config], tuple[tuple[str, ...], Table, dict[str, str]]]
"""Maps a config to the names of a maximal compatible set of switches, their dotted settings, and the omitted switches."""


def settings_of_switches(
    variant: str, names: Iterable[str], shared: Table, switches: Switches, largest: Largest
) -> list[Setting]:
    """The baseline, the baseline with each single switch, and for `all` with a maximal compatible set; raises `InputError`."""
    names = list(names)
    check_unique((BASELINE, *names))
    base = Setting(BASELINE, variant, make_config(variant, shared))
    return [base, *(_switched(base, name, switches, largest) for name in names)]


def _switched(base: Setting, name: str, switches: Switches, largest: Largest) -> Setting:
    if name == ALL_SWITCHES:
        chosen, overrides, left_out = largest(base.config)
        return replace(base.changed(overrides), name=ALL_SWITCHES, switches=chosen, left_out=left_out)
    if name not in switches:
        raise unknown_name("switch", name, (*switches, ALL_SWITCHES))
    try:
        return replace(base.changed(switches[name]), name=name, switches=(name,))
    except InputError as error:
        return replace(base, name=name, switches=(name,), overrides=switches[name], refused=str(error))


def check_setting(setting: Setting, build: Callable[[Config], object]) -> Setting:
    """`setting`, marked as refused if it has switches and `build` raises `InputError` for its config.

    Raises `InputError` for a variant or baseline that cannot be built.
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


def check_unique(names: Iterable[str]) -> None:
    """Raise `InputError` if a name occurs more than once."""
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise InputError(f"{twice[0]} is given twice; each setting of a comparison needs a unique name")
