"""`ganzoo film`: a film of a run's sample grids."""

from pathlib import Path
from typing import Annotated

import typer
from PIL.Image import Image

from ganzoo import terminal
from ganzoo.cli.options import Plugins, parse_seeds
from ganzoo.errors import InputError
from ganzoo.sampling.film import choose_evenly, cut_seeds, draw_frames, film_format, kept_grids, read_grid, save_film
from ganzoo.training.run_dir import RunDir

SECONDS = 6.0  # of a film without --fps
SLOWEST, FASTEST = 2.0, 25.0  # frames per second without --fps
SMALL = 256  # pixels; a narrower picture is enlarged to at least this width without --scale


def film(
    run: Annotated[Path, typer.Argument(help="A run folder; its sample grids are the frames.")],
    seeds: Annotated[
        str | None,
        typer.Option("--seeds", "--seed", help="Only these images, as in 3 or 0-7; default: the whole grid."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="x.gif, x.webp or (with ffmpeg) x.mp4; default: RUN-film.gif.")
    ] = None,
    frames: Annotated[int, typer.Option(metavar="N", min=2, help="Frames at most, evenly chosen.")] = 150,
    fps: Annotated[
        float | None, typer.Option(min=0.1, max=50, help="Frames per second; default: 6 seconds in all.")
    ] = None,
    scale: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=64, help="Enlarge each pixel to N x N; default: 256 pixels wide or more."),
    ] = None,
    plugin: Plugins = None,
) -> None:
    """Show how a run's samples came to be: the same latents at growing steps, as a film."""
    out = out or Path(f"{run.resolve().name}-film.gif")
    film_format(out)
    pictures = read_pictures(RunDir.open(run), seeds, frames)
    width = next(iter(pictures.values())).width
    drawn = draw_frames(pictures, scale or -(-SMALL // width))
    save_film(drawn, out, fps or min(FASTEST, max(SLOWEST, len(drawn) / SECONDS)))
    terminal.out(f"{out}: {len(drawn)} frames, steps {min(pictures):,} to {max(pictures):,}")


def read_pictures(run: RunDir, seeds: str | None, most: int) -> dict[int, Image]:
    """At most `most` sample grids of a run by step, or only the images of `seeds` in them; raises `InputError`."""
    grids = kept_grids(run.samples)
    pictures = {step: read_grid(grids[step]) for step in choose_evenly([*grids], most)}
    if len({picture.size for picture in pictures.values()}) > 1:
        raise InputError(f"{run.samples} has grids of different sizes; move those of other runs away")
    if seeds is None:
        return pictures
    data, numbers = run.config().dataset, parse_seeds(seeds)
    if data.is_points:
        raise InputError(f"--seeds: {run.folder} makes points, which are drawn as one picture; drop it")
    return {step: cut_seeds(sheet, numbers, *data.shape[1:]) for step, sheet in pictures.items()}
