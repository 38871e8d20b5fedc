"""What the user asked for."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ganzoo.config.recipes import make_config, merge, unflatten
from ganzoo.config.schema import Config, Table, flatten, parse
from ganzoo.errors import InputError, unknown_name
from ganzoo.experiments.budget import Budget
from ganzoo.experiments.results_schema import SettingRecord


@dataclass(frozen=True)
class CompareOptions:
    """A comparison as the command line or a program asks for it."""

    kind: str
    """compare or ablate"""
    settings: "tuple[Setting, ...]"
    shared: Table
    """What was set for all of them."""
    seeds: int
    budget: Budget
    out: Path
    n: int | None = None
    """Samples a score; None: 10,000, or what the protocol of a ground truth says."""
    metrics: Sequence[str] | None = None
    extractor: str | None = None
    """What sees the features; None: what fits the data."""
    jobs: int = 1
    """Cells at once on one machine."""
    tune: int = 0
    """Hyper-parameter draws a setting; 0 = none."""
    cluster: str | None = None
    """The address of a Ray cluster, or `local`."""
    plugins: Mapping[str, str] = field(default_factory=dict)
    """The sources of the user's files, by path: every worker runs them first (`ganzoo.plugins`)."""
    quiet: bool = False
    """Without a word of progress."""
    options: tuple[str, ...] = ()
    """The words of the command behind the settings and seeds, for who wants to repeat it."""


MAX_COUNT = {"seeds": 10_000, "jobs": 1024, "n": 10_000_000, "tune": 10_000}


def check_options(request: CompareOptions) -> None:
    """Raise `InputError` for numbers that make no sense, alone or together."""
    for name, most in MAX_COUNT.items():
        option = "-n" if name == "n" else f"--{name}"
        if (value := getattr(request, name)) is not None and value < 1 and name != "tune":
            raise InputError(f"{option} must be at least 1, not {value}")
        if value is not None and value > most:
            raise InputError(f"{option} must be at most {most:,}, not {value}")
    check_overrides(flatten(request.shared), request.budget)
    if request.tune < 0 or request.tune == 1:
        raise InputError(f"--tune {request.tune}: choosing takes at least 2 draws")
    if request.budget.minutes and (request.jobs > 1 or request.cluster):
        raise InputError(
            "--budget minutes=... needs the machine for one cell at a time; leave out --jobs and --cluster"
        )


def check_overrides(shared: Table, budget: Budget) -> None:
    """Raise `InputError` where a seed or a number of steps is set that the comparison decides itself."""
    if "seed" in shared:
        raise InputError("--set seed: the seeds of a comparison are counted from 0; say how many with --seeds")
    steps = shared.get("train.steps")
    if steps is not None and (budget.unit, budget.amount) != ("steps", steps):
        raise InputError(f"--set train.steps={steps} contradicts --budget {budget}; leave it out")


BASELINE = "baseline"
ALL_SWITCHES = "all"


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
    left_out: dict[str, str] = field(default_factory=dict)
    """Of `all`: the switches that are not in it, each with the reason."""

    def changed(self, overrides: Table) -> "Setting":
        """With dotted `overrides` laid upon it."""
        table = merge(self.config.model_dump(mode="json"), unflatten(overrides))
        return replace(self, config=parse(Config, table), overrides=self.overrides | overrides)

    def record(self) -> SettingRecord:
        """Its entry in results.json."""
        return SettingRecord(
            name=self.name,
            variant=self.variant,
            overrides=self.overrides,
            switches=list(self.switches),
            refused=self.refused,
            left_out=self.left_out,
        )


def settings_of_variants(variants: Iterable[str], shared: Table) -> tuple[Setting, ...]:
    """A setting for each variant or TOML file, the tables `shared` laid upon all; raises `InputError`."""
    configs = [(variant, make_config(variant, shared)) for variant in variants]
    settings = tuple(Setting(config.variant.replace("/", "-"), variant, config) for variant, config in configs)
    check_unique(setting.name for setting in settings)
    return settings


Switches = Mapping[str, Table]
"""By name: the dotted settings that switch a technique on."""
Largest = Callable[[Config], tuple[tuple[str, ...], Table, dict[str, str]]]
"""For a config: the names of the largest legal set of switches, its dotted settings, and what was left out and why."""


def settings_of_switches(
    variant: str, names: Iterable[str], shared: Table, switches: Switches, largest: Largest
) -> list[Setting]:
    """The baseline, each switch alone upon it, and for `all` the largest legal set; raises `InputError`."""
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


def check_unique(names: Iterable[str]) -> None:
    """Raise `InputError` where a name occurs more than once."""
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise InputError(f"{twice[0]} is given twice; each setting of a comparison needs a name of its own")
