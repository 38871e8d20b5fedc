"""A run's release -> the folder that ships: small, measured, with its card and pictures."""

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
from ganzoo.config.schema import Table
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
TOLERANCE = 2  # grey levels: another processor adds in another order


def finish(checkpoint: str | Path, folder: Path, judge: JudgeFn, told: Table) -> None:
    """Write the release of a run, whole, to `folder`, which must not be there: raises `InputError` where it is.

    Half precision is taken where no image shows it. `judge` measures what ships, so it is called after that; what it finds
    and what is `told` (faults, licence, command) go into card.json.
    """
    if folder.exists():
        raise InputError(f"{folder} is there already; remove it to write that release anew")
    source = release_folder(checkpoint)

    def fill(new: Path) -> None:
        copy_release(source, new)
        with suppress(TooLargeError):  # stays in float32
            slim(new)
        sampler = load(new)
        save_png(sampler.grid(), new / "grid.png")
        draw_thumbnails(sampler, new / "thumbnails.png")
        write_card(new, sampler.card | judge(sampler) | {"classes": list(sampler.class_names)} | told, folder.name)

    folder.parent.mkdir(parents=True, exist_ok=True)
    write_folder(folder, fill)


def print_summary(folder: Path, told: Table) -> None:
    """Put what is `told`, such as the faults seen in its samples, into the card of a finished release; the rest stays."""
    write_card(folder, read_table(folder / "card.json", Card) | told, folder.name)


def write_card(folder: Path, card: Table, name: str) -> None:
    """Write card.json, and card.md, which says the same to people; the card states the digest of the config."""
    card = card if "config_sha256" in card else card | config_digest(folder)
    write_json(folder / "card.json", card)
    write_bytes(folder / "card.md", card_markdown(card, name).encode())


def draw_thumbnails(sampler: Sampler, path: Path) -> None:
    """Write the images of seeds 0 to 3 side by side, without a line between them, as one PNG."""
    save_png(thumbnails(sampler), path)


def thumbnails(sampler: Sampler) -> Tensor:
    """(C, H, 4 W) in [-1, 1]."""
    return torch.cat(list(sampler.sample(THUMBNAILS)), dim=2)


def max_drift(sampler: Sampler, path: Path) -> int:
    """By how many grey levels the thumbnails at `path` differ at most from what `sampler` draws; raises `InputError`."""
    drawn = to_uint8(thumbnails(sampler)).permute(1, 2, 0).squeeze(2).numpy().astype(int)
    try:
        kept = np.asarray(Image.open(BytesIO(read_bytes(path)))).astype(int)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error}") from None
    if kept.shape != drawn.shape:
        raise InputError(f"{path} is a picture of {kept.shape}, the release draws {drawn.shape}")
    return int(abs(kept - drawn).max())
