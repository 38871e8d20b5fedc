"""`ganzoo train`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from ganzoo import api, terminal
from ganzoo.builder import build_modules, resolve_config
from ganzoo.commands.numbers import is_number
from ganzoo.config.recipes import make_config, merge, overrides, unflatten
from ganzoo.config.schema import Config, Table, parse
from ganzoo.errors import InputError
from ganzoo.plugins import plugin_arguments
from ganzoo.training.loop import count_parameters
from ganzoo.training.run_dir import RunDir


def run(
    variant: str | None,
    settings: Sequence[str],
    over: Table,
    *,
    out: Path | None,
    resume: Path | None,
    plugins: Sequence[Path],
    dry: bool,
    quiet: bool,
) -> None:
    """Train a new run or go on with one; `over` holds the dotted keys that have an option of their own.

    `plugins` have been loaded, and are named in the command that is proposed at the end.
    """
    given = merge(overrides(settings), unflatten(over))
    if resume is not None:
        if out is not None:
            raise InputError("--out and --resume cannot be given together: a resumed run stays in its folder")
        if dry:
            raise InputError(
                f"--dry-run and --resume cannot be given together: what the run has is in {resume}/config.json"
            )
        folder = api.resume(resume, changed(RunDir.open(resume).config(), variant, given), quiet=quiet)
    elif variant is None:
        raise InputError("which variant? as in: ganzoo train wgan-gp ('ganzoo list' shows them all)")
    else:
        config = make_config(variant, given)
        if dry:
            return show(config)
        folder = api.train(config, out=out, quiet=quiet)
    if not quiet and os.environ.get("RANK", "0") == "0":
        more = shlex.join(["ganzoo", "sample", str(folder), *plugin_arguments(plugins)])
        terminal.out(f"done: {last_grid(folder)}")
        terminal.out(f"more: {more}")


def number(threads: str) -> int:
    """What `--threads` says, in the config's terms: 0 is auto."""
    if threads == "auto":
        return 0
    if not is_number(threads) or int(threads) == 0:
        raise InputError(f"--threads: expected auto or a number from 1 to 1024, not {threads!r}")
    return int(threads)


def changed(config: Config, variant: str | None, given: Table) -> Config:
    """The config of a run with what the command line says laid upon it."""
    if variant not in (None, config.variant):
        raise InputError(f"the run is a {config.variant}, not a {variant}; leave the variant out at a resume")
    return parse(Config, merge(config.model_dump(mode="json"), given))


def last_grid(folder: Path) -> Path:
    """The newest sample grid of a run."""
    return max((folder / "samples").glob("*.png"))


def show(config: Config) -> None:
    """Print the resolved config and both networks; nothing is written."""
    resolved = resolve_config(config, api.load_dataset(config))
    game = build_modules(resolved)
    terminal.out_lines(resolved.model_dump_json(indent=2))
    for name, network in (("generator", game.generator), ("discriminator", game.discriminator)):
        terminal.out("")
        terminal.out(f"{name}: {count_parameters(network):,} parameters")
        for line in layers(network):
            terminal.out(line)


def layers(network: nn.Module) -> list[str]:
    """A line for every tensor of weights: its name and shape."""
    return [f"  {name:<48} {' x '.join(map(str, p.shape))}" for name, p in network.named_parameters()]
