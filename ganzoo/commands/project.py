"""`ganzoo project`."""

from __future__ import annotations

from pathlib import Path

import torch

from ganzoo import terminal
from ganzoo.errors import InputError
from ganzoo.evaluation import Extractor
from ganzoo.evaluation.extractor import find_extractor
from ganzoo.image_io import grid, save_png
from ganzoo.sampling import Sampler, load
from ganzoo.sampling.projection import Projection, project, read_picture
from ganzoo.terminal import track


def run(
    image: Path,
    checkpoint: str,
    *,
    steps: int,
    restarts: int,
    only: str | None,
    extractor: str | None,
    out: Path | None,
    raw: bool,
) -> None:
    """Project, write picture and reconstruction side by side, and print what was found; raises `InputError`."""
    out = out or Path(f"{image.stem}-projected.png")
    if out.suffix.lower() != ".png":
        raise InputError(f"--out {out}: expected a name that ends in .png")
    sampler = load(checkpoint, raw)
    picture = read_picture(image, sampler)
    if out.exists() and out.samefile(image):
        raise InputError(f"--out {out} is the picture itself, which would be overwritten; give another name")
    shown, reader = track(range(steps), "projecting"), opened(extractor, sampler)
    found = project(sampler, picture, steps=shown, restarts=restarts, only=only, extractor=reader)
    save_png(grid(torch.stack([picture, found.image]), 2)[0], out)
    terminal.out(f"{out}: {described(found, sampler)}")


def opened(name: str | None, sampler: Sampler) -> Extractor | None:
    """The extractor asked for; raises `InputError` where it cannot see what `sampler` draws."""
    if name is None or sampler.config.dataset is None:
        return None
    extractor = find_extractor(name)
    extractor.check_shape(sampler.config.dataset.shape)
    return extractor


def described(found: Projection, sampler: Sampler) -> str:
    """The error, and from where it was reached."""
    labels, code = found.inputs.labels, found.inputs.code
    parts = [f"error {found.error:.1f} of 255 grey levels (root mean square)", f"from seed {found.seed}"]
    if labels is not None:
        parts.append(f"class {sampler.class_names[int(labels[0])]}")
    if code is not None and sampler.latent.code is not None:
        categories = sampler.latent.code.categorical
        parts += [f"category {int(code[0, :categories].argmax())}"] if categories else []
        parts += [f"code {value:.2f}" for value in code[0, categories:].tolist()]
    return ", ".join(parts)
