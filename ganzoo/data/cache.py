"""Pictures decoded once: each set is a folder in `GANZOO_HOME/cache`, its pixels as raw bytes beside a JSON on them."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal
from uuid import uuid4

import numpy as np
from rich.console import Console
from rich.progress import track

from ganzoo.data.dataset import Dataset, seal
from ganzoo.data.transform import Picture, Transform
from ganzoo.errors import InputError, one_line
from ganzoo.files import FORMAT, read_json, write_json

if TYPE_CHECKING:
    from ganzoo.data.source import Pictures

OnCorrupt = Literal["refuse", "skip"]

# Its last resort is one plain line on stderr.
log = logging.getLogger(__name__)


def home() -> Path:
    """`GANZOO_HOME` or `~/.cache/ganzoo`: holds `data/`, what is downloaded, and `cache/`, what is made from it."""
    return Path(os.environ.get("GANZOO_HOME") or "~/.cache/ganzoo").expanduser()


def prepared(
    name: str,
    fingerprint: str,
    read: Callable[[], Pictures],
    transform: Transform,
    *,
    on_corrupt: OnCorrupt = "refuse",
    quiet: bool = False,
) -> Dataset:
    """The pictures that `read` gives, as a memory map; `read` is called only if no entry of this key exists.

    Raises `InputError` for an unreadable picture under "refuse" and for an entry that is damaged or of a newer format.
    """
    key = sha256(json.dumps([name, fingerprint, asdict(transform)]).encode()).hexdigest()[:16]
    entry = home() / "cache" / f"{name}-{transform.size}x{transform.channels}-{key}"
    if not entry.exists():
        with _new_entry(entry) as folder:
            _write(folder, name, read(), transform, on_corrupt, quiet)
    return _open(entry, on_corrupt)


@contextmanager
def _new_entry(entry: Path) -> Iterator[Path]:
    # A name nobody else has: several processes may prepare the same set, and the first to finish wins.
    folder = entry.with_name(f".{entry.name}.{uuid4().hex}")
    try:
        folder.mkdir(parents=True)
        yield folder
        folder.rename(entry)
    except OSError as error:
        # A folder is never renamed onto another one that holds files.
        if not entry.exists():
            raise InputError(f"cannot prepare {entry}: {error} (GANZOO_HOME says where it goes)") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(
    folder: Path, name: str, pictures: Pictures, transform: Transform, on_corrupt: OnCorrupt, quiet: bool
) -> None:
    with (folder / "pixels").open("wb") as file:
        digest, labels, skipped = _decode(_shown(pictures, name, quiet), transform, on_corrupt, file)
        os.fsync(file.fileno())
    if not labels:
        raise InputError(f"{name} has no picture that can be read")
    table = np.array(labels, np.int64) if pictures.class_names else None
    if table is not None:
        np.save(folder / "labels.npy", table, allow_pickle=False)
    description = {
        "format": FORMAT,
        "source": name,
        "transform": asdict(transform),
        "count": len(labels),
        "shape": transform.shape,
        "class_names": pictures.class_names,
        "skipped": skipped,
        "digest": seal(digest, transform.shape, table, pictures.class_names),
    }
    write_json(folder / "entry.json", description)


def _decode(
    pictures: Iterable[tuple[Picture, int]], transform: Transform, on_corrupt: OnCorrupt, file: IO[bytes]
) -> tuple[Any, list[int], list[str]]:
    """The running digest of what was written to `file`, the labels, and what could not be read."""
    digest, labels, skipped = sha256(), [], []
    for number, (picture, label) in enumerate(pictures):
        try:
            pixels = transform(picture).tobytes()
        # Decoders raise whatever a broken file makes them stumble over.
        except Exception as error:
            skipped.append(_complaint(picture, number, error))
            if on_corrupt == "refuse":
                raise _refusal(skipped[0]) from None
            continue
        file.write(pixels)
        digest.update(pixels)
        labels.append(label)
    return digest, labels, skipped


def _open(entry: Path, on_corrupt: OnCorrupt) -> Dataset:
    about = read_json(entry / "entry.json")
    try:
        skipped, names, digest = about["skipped"], about["class_names"], about["digest"]
        pixels = np.memmap(entry / "pixels", np.uint8, "r", shape=(about["count"], *about["shape"]))
        labels = np.load(entry / "labels.npy", allow_pickle=False) if names else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{entry} is damaged ({error}); delete it and it is prepared again") from None
    for complaint in skipped:
        if on_corrupt == "refuse":
            raise _refusal(complaint)
        log.warning("skipped: %s", complaint)
    return Dataset(pixels, np.arange(len(pixels), dtype=np.int64), labels, names, digest)


def _complaint(picture: Picture, number: int, error: Exception) -> str:
    where = picture if isinstance(picture, Path) else f"picture {number}"
    said = f"cannot read {where} ({one_line(error)})"
    # A file's name may hold line breaks, and what is no text; a complaint is one line, and entry.json UTF-8.
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in said)


def _refusal(complaint: str) -> InputError:
    return InputError(f"{complaint}; on_corrupt = 'skip' leaves such pictures out")


def _shown(pictures: Pictures, name: str, quiet: bool) -> Iterable[tuple[Any, int]]:
    console = Console(stderr=True)
    off = quiet or not console.is_terminal
    return track(pictures.each, f"preparing {name}", total=pictures.count, console=console, transient=True, disable=off)
