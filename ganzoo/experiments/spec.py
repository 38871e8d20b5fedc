"""What the user asked for."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from math import ceil
from pathlib import Path

from ganzoo.config.recipes import make_config, merge, unflatten
from ganzoo.config.schema import MAX_INT, Config, Table, Train, Warmup, flatten, parse, parse_ratio
from ganzoo.errors import InputError, unknown_name
from ganzoo.training import schedule

pass
pass


@dataclass(frozen=True)
class CompareOptions:
    """A comparison as the command line or a program asks for it."""

    kind: str
    """compare or ablate"""
    settings: tuple[Setting, ...]
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
    if steps is not None and budget != Budget("steps", steps):
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
    left_out: Table = field(default_factory=dict)
    """Of `all`: the switches that are not in it, each with the reason."""

    def changed(self, overrides: Table) -> Setting:
        """With dotted `overrides` laid upon it."""
        table = merge(self.config.model_dump(mode="json"), unflatten(overrides))
        return replace(self, config=parse(Config, table), overrides=self.overrides | overrides)

    def record(self) -> Table:
        """Its entry in results.json."""
        names = ("name", "variant", "overrides", "switches", "refused", "left_out")
        return {name: list(value) if isinstance(value := getattr(self, name), tuple) else value for name in names}


def settings_of_variants(variants: Iterable[str], shared: Table) -> tuple[Setting, ...]:
    """A setting for each variant or TOML file, the tables `shared` laid upon all; raises `InputError`."""
    configs = [(variant, make_config(variant, shared)) for variant in variants]
    settings = tuple(Setting(config.variant.replace("/", "-"), variant, config) for variant, config in configs)
    check_unique(setting.name for setting in settings)
    return settings


Switches = Mapping[str, Table]
"""By name: the dotted settings that switch a technique on."""
Largest = Callable[[Config], tuple[tuple[str, ...], Table, Table]]
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


UNITS = {"steps": int, "images": int, "minutes": float}
MAX_AMOUNT = {"steps": MAX_INT, "images": 2**53, "minutes": 1e6}
MAX_COUNTED_STEPS = 300_000  # G steps of a warm-up schedule, which are counted one by one
FIRST_SLICE_STEPS = 5
"""G steps after which a run with a budget of minutes first looks at the clock."""


@dataclass(frozen=True)
class Budget:
    """`steps`: G steps. `images`: reals that D judges in both players' steps. `minutes`: training with grids and saving."""

    unit: str
    amount: float

    def __str__(self) -> str:
        return f"{self.unit}={self.amount:g}" if self.unit == "minutes" else f"{self.unit}={self.amount}"

    @property
    def minutes(self) -> float | None:
        """The minutes, where they are what is equal."""
        return self.amount if self.unit == "minutes" else None


def parse_budget(text: str) -> Budget:
    """The budget in "steps=2000", "images=200000" or "minutes=5"; raises `InputError`."""
    unit, _, amount = text.partition("=")
    try:
        value = UNITS[unit](amount)
    except (KeyError, ValueError):
        value = 0
    if not 0 < value <= MAX_AMOUNT.get(unit, 0):
        raise InputError(f"--budget {text[:60]}: expected steps=N, images=N or minutes=M, as in steps=2000")
    return Budget(unit, value)


def check_thresholds(budget: Budget, train: Train) -> None:
    """Raise `InputError` where a player may step again, so that neither G steps nor images are known beforehand."""
    limits = train.thresholds
    if budget.minutes is None and (limits.d, limits.g) != (None, None):
        raise InputError(
            f"under train.thresholds a player takes further steps, so {budget.unit} cannot be equal; take --budget minutes=M"
        )


def steps_for_budget(budget: Budget, train: Train, g_reads_real: bool = False) -> int:
    """The G steps that `budget` buys under the schedule of `train`; of minutes, those before the first look at the clock.

    A budget of images ends with the first G step after which D has seen at least so many, those of G's steps included
    where it reads reals (see `ganzoo.builder.g_reads_real`).
    """
    if budget.unit == "steps":
        return int(budget.amount)
    if budget.unit == "minutes":
        return FIRST_SLICE_STEPS
    of_g = train.g_batch if g_reads_real else 0
    return steps_for_images(int(budget.amount), train.batch, parse_ratio(train.ratio), train.warmup, of_g)


@cache  # every cell asks
def steps_for_images(images: int, batch: int, per_g: Fraction, warmup: Warmup | None, of_g: int) -> int:
    """The fewest G steps in which D judges `images` reals; each G step itself shows D `of_g` batches."""
    batches = ceil(Fraction(images, batch))
    if warmup is None:
        return bisect_left(range(ceil(batches / per_g) + 1), batches, key=lambda step: ceil(step * per_g) + step * of_g)
    step = done = 0
    while done < batches:
        done += schedule.d_steps(step, per_g, warmup) + of_g
        step += 1
        if step > MAX_COUNTED_STEPS:
            raise InputError(f"--budget images={images} takes more than {MAX_COUNTED_STEPS:,} steps; give it in steps")
    return step
