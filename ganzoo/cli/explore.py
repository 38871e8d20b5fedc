"""`ganzoo gallery`, `ganzoo demo`, `ganzoo film`, `ganzoo invert` (GAN inversion) and `ganzoo reconstruct`."""

from pathlib import Path
from typing import Annotated

import torch
import typer
from PIL.Image import Image

from ganzoo import terminal
from ganzoo.cli.options import Checkpoint, Checkpoints, NoEma, Plugins, Scale, parse_seeds
from ganzoo.errors import InputError
from ganzoo.evaluation import Extractor
from ganzoo.evaluation.extractor import find_extractor
from ganzoo.image_io import grid, save_png
from ganzoo.sampling import Sampler, load
from ganzoo.sampling.film import choose_evenly, cut_seeds, draw_frames, film_format, kept_grids, read_grid, save_film
from ganzoo.sampling.projection import Projection, gray_levels, project, read_picture
from ganzoo.terminal import track
from ganzoo.training.run_dir import RunDir
from ganzoo.ui.collection import collect, print_left_out
from ganzoo.ui.demo import load_images
from ganzoo.ui.gallery import write_gallery
from ganzoo.ui.server import serve


def gallery(
    checkpoints: Checkpoints = None,
    out: Annotated[Path, typer.Option(help="Folder for index.html.")] = Path("gallery"),
    plugin: Plugins = None,
) -> None:
    """Write one HTML page that shows all checkpoints: images, scores, facts, training commands."""
    found = collect(checkpoints or [])
    print_left_out(found)
    terminal.out(str(write_gallery(found, out, plugin or [])))


def demo(
    checkpoints: Checkpoints = None,
    host: Annotated[str, typer.Option(help="Address to bind (default: local only).")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: any free one.")] = 8000,
    share: Annotated[
        bool, typer.Option("--share", help="Also open a public gradio.live address; anyone who has it can draw.")
    ] = False,
    plugin: Plugins = None,
) -> None:
    """Explore checkpoints in the browser; Ctrl-C ends it."""
    found = collect(checkpoints or [], load_images)
    print_left_out(found)
    serve(found.samplers, host, port, share, terminal.out)


def invert(
    image: Annotated[Path, typer.Argument(help="Image file; cropped and resized like the training data.")],
    checkpoint: Checkpoint,
    steps: Annotated[int, typer.Option(min=1, help="Adam steps on the latents.")] = 200,
    restarts: Annotated[int, typer.Option(min=1, help="Initial latents, for each class or category.")] = 4,
    only: Annotated[str | None, typer.Option("--class", help="The class, if known; default: try all.")] = None,
    extractor: Annotated[str | None, typer.Option(help="Match its features as well: digits, cifar, lite0, ...")] = None,
    no_encoder: Annotated[
        bool, typer.Option("--no-encoder", help="Start from random latents, also if the model has an encoder.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Picture and inversion; default: <image>-inverted.png.")] = None,
    scale: Scale = 1,
    no_ema: NoEma = False,
    plugin: Plugins = None,
) -> None:
    """Find the latent whose image is nearest to a picture (GAN inversion)."""
    out = out or Path(f"{image.stem}-inverted.png")
    check_out(out, [image])
    sampler = load(checkpoint, no_ema)
    picture = read_picture(image, sampler)
    shown, reader = track(range(steps), "inverting"), open_extractor(extractor, sampler)
    found = project(
        sampler, picture, steps=shown, restarts=restarts, only=only, extractor=reader, encoder=not no_encoder
    )
    save_png(grid(torch.stack([picture, found.image]), 2)[0], out, scale)
    terminal.out(f"{out}: {describe_inversion(found, sampler)}")


def reconstruct(
    images: Annotated[
        list[Path],
        typer.Argument(metavar="PICTURE", help="Image files; cropped and resized like the training data."),
    ],
    checkpoint: Checkpoint,
    out: Annotated[Path, typer.Option(help="Pictures, and below each its reconstruction.")] = Path("reconstructed.png"),
    scale: Scale = 1,
    no_ema: NoEma = False,
    plugin: Plugins = None,
) -> None:
    """Encode pictures and decode them again, with a model that has an encoder."""
    check_out(out, images)
    sampler = load(checkpoint, no_ema)
    pictures = torch.stack([read_picture(image, sampler) for image in images])
    made = sampler.reconstruct(pictures)
    save_png(grid(torch.cat([pictures, made]), len(images))[0], out, scale)
    for image, picture, copy in zip(images, pictures, made, strict=True):
        terminal.out(f"{image}: {describe_error(gray_levels(copy, picture))}")
    terminal.out(str(out))


def check_out(out: Path, images: list[Path]) -> None:
    """Raise `InputError` if `out` is no PNG file or is one of the `images` that are read."""
    if out.suffix.lower() != ".png":
        raise InputError(f"--out {out}: expected a name that ends in .png")
    if out.exists() and any(image.exists() and out.samefile(image) for image in images):
        raise InputError(f"--out {out} would overwrite the picture itself; give another name")


def open_extractor(name: str | None, sampler: Sampler) -> Extractor | None:
    """The feature extractor `name`; raises `InputError` if it does not take the images of `sampler`."""
    if name is None:
        return None
    extractor = find_extractor(name)
    extractor.check_shape(sampler.config.dataset.shape)
    return extractor


def describe_inversion(found: Projection, sampler: Sampler) -> str:
    """The error, and the seed, class and code of the inversion."""
    labels, code = found.inputs.labels, found.inputs.code
    parts = [describe_error(found.error), "from the encoder" if found.encoded else f"from seed {found.seed}"]
    if labels is not None:
        parts.append(f"class {sampler.class_names[int(labels[0])]}")
    if code is not None and sampler.latent.code is not None:
        categories = sampler.latent.code.categorical
        parts += [f"category {int(code[0, :categories].argmax())}"] if categories else []
        parts += [f"code {value:.2f}" for value in code[0, categories:].tolist()]
    return ", ".join(parts)


def describe_error(levels: float) -> str:
    """An error in gray levels, in words."""
    return f"error {levels:.1f} of 255 gray levels (root mean square)"


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
