"""Finishing a bundled release: half precision, scores, card and pictures."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganzoo.atomic_io import read_bytes, write_bytes, write_folder, write_json
from ganzoo.config.tables import Table
from ganzoo.errors import InputError
from ganzoo.image_io import save_png, to_uint8
from ganzoo.json_io import read_table
from ganzoo.release.card import card_markdown
from ganzoo.release.push import copy_release
from ganzoo.sampling import Sampler, load
from ganzoo.sampling.checkpoints import release_folder
from ganzoo.training.release import Card, config_digest
from tools.slim_release import TooLargeError, slim

JudgeFn = Callable[[Sampler], dict[str, Any]]
THUMBNAILS = 4
TOLERANCE = 2  # gray levels: another processor sums in another order


def finish(checkpoint: str | Path, folder: Path, judge: JudgeFn, facts: Table) -> None:
    """Write the release of a run atomically to `folder`; raises `InputError` if that exists.

    Weights are stored in half precision if no sample changes by a gray level. `judge` then scores the stored weights. Its
    result and the facts in `facts` (faults, license, command) go into card.json.
    """
    if folder.exists():
        raise InputError(f"{folder} already exists; remove it to write that release again")
    source = release_folder(checkpoint)

    def fill(new: Path) -> None:
        copy_release(source, new)
        with suppress(TooLargeError):  # stays in float32
            slim(new)
        sampler = load(new)
        save_png(sampler.grid(), new / "grid.png")
        draw_thumbnails(sampler, new / "thumbnails.png")
        write_card(new, sampler.card | judge(sampler) | {"classes": list(sampler.class_names)} | facts, folder.name)

    folder.parent.mkdir(parents=True, exist_ok=True)
    write_folder(folder, fill)


def print_summary(folder: Path, facts: Table) -> None:
    """Add the facts in `facts`, such as faults seen in the samples, to the card of a finished release."""
    write_card(folder, read_table(folder / "card.json", Card) | facts, folder.name)


def write_card(folder: Path, card: Table, name: str) -> None:
    """Write card.json, with the digest of the config, and the same facts as Markdown in card.md."""
    card = card if "config_sha256" in card else card | config_digest(folder)
    write_json(folder / "card.json", card)
    write_bytes(folder / "card.md", card_markdown(card, name).encode())


def draw_thumbnails(sampler: Sampler, path: Path) -> None:
    """Write the images of seeds 0 to 3 side by side, without gaps, as one PNG."""
    save_png(thumbnails(sampler), path)


def thumbnails(sampler: Sampler) -> Tensor:
    """The images of seeds 0 to 3 side by side, (C, H, 4 W) in [-1, 1]."""
    return torch.cat(list(sampler.sample(THUMBNAILS)), dim=2)


def max_drift(sampler: Sampler, path: Path) -> int:
    """The largest difference, in gray levels, between the thumbnails at `path` and new samples; raises `InputError`."""
    drawn = to_uint8(thumbnails(sampler)).permute(1, 2, 0).squeeze(2).numpy().astype(int)
    try:
        kept = np.asarray(Image.open(BytesIO(read_bytes(path)))).astype(int)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error}") from None
    if kept.shape != drawn.shape:
        raise InputError(f"{path} is an image of {kept.shape}, but the release draws {drawn.shape}")
    return int(abs(kept - drawn).max())
