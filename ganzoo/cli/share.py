"""`ganzoo export` and `ganzoo push`."""

from pathlib import Path
from typing import Annotated

import typer

from ganzoo import terminal
from ganzoo.cli.options import Checkpoint, Plugins
from ganzoo.release.export import check_format
from ganzoo.release.export import export as export_generator
from ganzoo.release.push import push as upload
from ganzoo.sampling import load


def export(
    checkpoint: Checkpoint,
    form: Annotated[str, typer.Option("--format", metavar="onnx|pt2", help="ONNX, or a PyTorch program.")] = "onnx",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: CHECKPOINT.onnx or .pt2.")] = None,
    plugin: Plugins = None,
) -> None:
    """Export a generator as one file for other programs, checked against PyTorch."""
    path = out or Path(f"{Path(checkpoint).resolve().name}.{form}")
    check_format(form, path)
    distance = export_generator(load(checkpoint), path, form)
    terminal.out(f"{path}: images within {distance:.1g} of PyTorch's")


def push(
    release: Annotated[
        str, typer.Argument(help="A bundled release (by name: wgan-gp-mnist), a release folder, or a run.")
    ],
    address: Annotated[str, typer.Argument(metavar="hf:USER/NAME", help="Repository on the Hugging Face Hub.")],
    licence: Annotated[
        str | None, typer.Option("--license", metavar="ID", help="License of the weights: mit, cc0-1.0, ...")
    ] = None,
    space: Annotated[
        bool, typer.Option("--space", help="Also upload a Space of the same name that serves the release's demo.")
    ] = False,
    plugin: Plugins = None,
) -> None:
    """Upload a release with a model card to the Hugging Face Hub; 'ganzoo sample hf:USER/NAME' then draws from it."""
    for url in upload(release, address, licence, space):
        terminal.out(url)
    terminal.out(f"more: ganzoo sample {address}")
