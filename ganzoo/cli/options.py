"""Options and arguments that several commands share, and commands that take the fields of a dataclass as options."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer


def _load(plugins: list[Path] | None) -> list[Path]:
    from ganzoo.plugins import load_plugins

    load_plugins(plugins or [])
    return plugins or []


_PLUGIN = "Python file with losses, tricks or networks; repeatable."
Plugins = Annotated[list[Path] | None, typer.Option("--plugin", callback=_load, help=_PLUGIN)]
PluginSources = Annotated[list[Path], typer.Option("--plugin", help=_PLUGIN)]
"""Not run yet: `compare` and `ablate` keep the sources for their workers."""
CHECKPOINT = "A bundled release (by name: wgan-gp-mnist), a release folder, a run, or hf:USER/NAME."
Checkpoint = Annotated[str, typer.Argument(help=CHECKPOINT)]
Checkpoints = Annotated[
    list[str] | None,
    typer.Argument(
        help="Bundled releases (by name: wgan-gp-mnist), release folders, runs, hf:USER/NAME, or folders of these; "
        "default: the bundled ones and runs/."
    ),
]
NoEma = Annotated[bool, typer.Option("--no-ema", help="Use a run's last weights instead of their moving average.")]
Settings = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Set a config key; repeatable.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print errors only.")]
Metrics = Annotated[str | None, typer.Option(help="fid,kid,is,precision,...; default: all that fit the data.")]
Extractor = Annotated[
    str | None,
    typer.Option(help="Feature extractor: digits, cifar, lite0, inception or inception:FILE; default: by the data."),
]
Samples = Annotated[
    int | None, typer.Option("-n", help="Samples to score (default 10000; mixtures: as many as published).")
]


def flag(options: type, field: Field[Any]) -> str:
    """The option on the command line that sets `field` of the dataclass `options`."""
    (info,) = get_type_hints(options, include_extras=True)[field.name].__metadata__
    return info.default if isinstance(info.default, str) else f"--{field.name.replace('_', '-')}"


def takes(options: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Turn a command `f(argument, ..., options)` into one with an option for each field of the dataclass `options`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        *own, last = inspect.signature(command, eval_str=True).parameters.values()
        hints = get_type_hints(options, include_extras=True)
        extra = [
            Parameter(f.name, Parameter.KEYWORD_ONLY, default=_default(f), annotation=hints[f.name])
            for f in fields(options)
        ]

        def flat(**given: Any) -> None:
            command(**{p.name: given.pop(p.name) for p in own}, **{last.name: options(**given)})

        parameters = [*(p.replace(kind=Parameter.KEYWORD_ONLY) for p in own), *extra]
        flat.__doc__, flat.__name__ = command.__doc__, command.__name__
        flat.__annotations__ = {p.name: p.annotation for p in parameters}
        flat.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        return flat

    return decorate


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return Parameter.empty if field.default is MISSING else field.default
