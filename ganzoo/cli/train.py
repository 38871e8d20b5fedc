"""`ganzoo train`: start or resume a run, or print its config and networks (`--dry-run`)."""

import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from torch import nn

from ganzoo import api, terminal
from ganzoo.builder import build_modules, resolve_config
from ganzoo.cli.options import Plugins, Quiet, Settings, is_number, takes
from ganzoo.config.overrides import overrides
from ganzoo.config.recipes import make_config
from ganzoo.config.schema import Config, ResolvedConfig
from ganzoo.config.tables import Table, merge
from ganzoo.errors import InputError
from ganzoo.parts import plugin_arguments
from ganzoo.run_data import load_dataset
from ganzoo.schedules import schedules_in
from ganzoo.training import checkpoint
from ganzoo.training.loop import count_parameters
from ganzoo.training.run_dir import RunDir


@dataclass(frozen=True)
class TrainArguments:
    """Options of `train`, as typed."""

    data: Annotated[str | None, typer.Option(metavar="SPEC", help="digits, mnist, folder:PATH, npz:PATH, ...")] = None
    steps: Annotated[int | None, typer.Option(help="Number of G updates.")] = None
    seed: Annotated[int | None, typer.Option(help="Seed of weights, data order, latents and noise.")] = None
    size: Annotated[int | None, typer.Option(help="Height and width of the images in pixels.")] = None
    batch_size: Annotated[int | None, typer.Option(help="Real images in a step of D.")] = None
    lr: Annotated[float | None, typer.Option(help="Learning rate of both players.")] = None
    out: Annotated[Path | None, typer.Option(help="Run folder; default: runs/<variant>-<data>-s<seed>.")] = None
    name: Annotated[str | None, typer.Option(help="Name of the run folder in runs/.")] = None
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None
    precision: Annotated[
        str | None,
        typer.Option(metavar="float32|bf16|auto", help="Network precision; auto times both, keeps the faster."),
    ] = None
    threads: Annotated[
        str | None, typer.Option(metavar="auto|N", help="CPU threads; auto: one for each free core.")
    ] = None
    eval_every: Annotated[int | None, typer.Option(help="Steps between quick scores of the samples (KID).")] = None
    on_failure: Annotated[
        str | None,
        typer.Option(metavar="warn|stop|rollback", help="What to do when D overpowers G or a value becomes NaN."),
    ] = None
    settings: Settings = field(default_factory=list)
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Resume this run.")] = None
    plugin: Plugins = None
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print config and networks, then stop.")] = False
    quiet: Quiet = False

    def given(self) -> Table:
        """The settings that were asked for; an option takes precedence over `--set`."""
        typed = {name: getattr(self, name) for name in api.KEYS}
        typed["threads"] = None if self.threads is None else number(self.threads)
        return merge(overrides(self.settings), api.given_settings(**typed))


@takes(TrainArguments)
def train(
    variant: Annotated[
        str | None, typer.Argument(help="A name from 'ganzoo list', a TOML file, or the config.json of a run.")
    ] = None,
    *,
    arguments: TrainArguments,
) -> None:
    """Train a variant, or resume a run."""
    given, out, quiet = arguments.given(), run_folder(arguments.out, arguments.name), arguments.quiet
    if arguments.resume is not None:
        check_resume_options(arguments.resume, out, arguments.dry_run)
        check_variant(RunDir.open(arguments.resume).config(), variant)
        folder = api.resume(arguments.resume, given, quiet=quiet)
    elif variant is None:
        raise InputError("which variant? as in: ganzoo train wgan-gp ('ganzoo list' shows them all)")
    else:
        config = make_config(variant, given)
        check_pictures(config, variant, given)
        if arguments.dry_run:
            return show(config)
        folder = api.train(config, out=out, quiet=quiet)
    if not quiet and os.environ.get("RANK", "0") == "0":
        terminal.out(summary(RunDir(folder)))
        for command in next_commands(RunDir(folder), plugin_arguments(arguments.plugin or [])):
            terminal.out(f"  {command}")


def run_folder(out: Path | None, name: str | None) -> Path | None:
    """The folder that `--out` or `--name` asks for; raises `InputError`."""
    if name is None:
        return out
    if out is not None:
        raise InputError("--name cannot be combined with --out, which names the whole path; leave one out")
    if name in ("", "..") or Path(name).name != name:
        raise InputError(f"--name {name}: expected the name of a folder in runs/; give a path with --out")
    return Path("runs", name)


def check_resume_options(run: Path, out: Path | None, dry_run: bool) -> None:
    """Raise `InputError` for options that cannot be combined with `--resume`."""
    if out is not None:
        raise InputError("--out and --name cannot be combined with --resume: a resumed run stays in its folder")
    if dry_run:
        raise InputError(f"--dry-run cannot be combined with --resume: the run's config is in {run}/config.json")


def check_pictures(config: Config, variant: str, given: Table) -> None:
    """Raise `InputError` if a recipe for the user's own pictures was given none."""
    kind, _, path = config.data.spec.partition(":")
    if kind == "folder" and "spec" not in given.get("data", {}) and not Path(path).expanduser().exists():
        raise InputError(f"{variant} trains on your own pictures; name their folder, as in --data folder:PATH")


def number(threads: str) -> int:
    """The value of `--threads` for the config, 0 for auto; raises `InputError`."""
    if threads == "auto":
        return 0
    if not is_number(threads) or int(threads) == 0:
        raise InputError(f"--threads: expected auto or a number from 1 to 1024, not {threads!r}")
    return int(threads)


def check_variant(config: Config, variant: str | None) -> None:
    """Raise `InputError` for a variant other than that of the run to resume."""
    if variant not in (None, config.variant):
        raise InputError(f"the run trains {config.variant}, not {variant}; leave the variant out to resume it")


def summary(run: RunDir) -> str:
    """The steps and the time of a finished run, and its newest sample grid."""
    last = checkpoint.read_state_record(checkpoint.saved_states(run.states)[-1], run.config())
    taken = f"{last['counters']['step']:,} steps in {terminal.duration(last['seconds'])}"
    return f"done: {taken}, {max(run.samples.glob('*.png'))}; next:"


def next_commands(run: RunDir, plugins: list[str]) -> list[str]:
    """Five commands that use a finished run."""
    folder, twice = str(run.folder), str(2 * run.config().train.steps)
    commands = (
        ["sample", folder, "-n", "64", "--out", f"{folder}.png"],
        ["film", folder],
        ["evaluate", folder],
        ["doctor", folder],
        ["train", "--resume", folder, "--steps", twice],
    )
    return [shlex.join(["ganzoo", *words, *plugins]) for words in commands]


def show(config: Config) -> None:
    """Print the resolved config and both networks without writing a file."""
    resolved = resolve_config(config, load_dataset(config))
    game = build_modules(resolved)
    terminal.out_lines(resolved.model_dump_json(indent=2))
    show_schedules(resolved)
    for name, network in (("generator", game.generator), ("discriminator", game.discriminator)):
        terminal.out("")
        terminal.out(f"{name}: {count_parameters(network):,} parameters")
        for line in layers(network):
            terminal.out(line)


def show_schedules(config: ResolvedConfig) -> None:
    """Print the values of every scheduled setting at five steps."""
    if not (found := list(schedules_in(config.model_dump(mode="json")))):
        return
    steps = [config.train.steps * quarter // 4 for quarter in range(5)]
    terminal.out("")
    terminal.out(f"{'schedules, at step':<32}" + "".join(f"{step:>12,}" for step in steps))
    for key, schedule in found:
        values = (schedule.at(step, config.train.batch_size) for step in steps)
        terminal.out(f"  {key:<30}" + "".join(f"{value:>12.4g}" for value in values))


def layers(network: nn.Module) -> list[str]:
    """One line for each parameter: its name and shape."""
    return [f"  {name:<48} {' x '.join(map(str, p.shape))}" for name, p in network.named_parameters()]
