"""Pictures decoded once: each set is a folder in `GANZOO_HOME/cache`, its pixels as raw bytes beside a JSON on them."""

from __future__ import annotations

import json
import logging
import math
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

from ganzoo.data.dataset import Dataset, seal
from ganzoo.data.transform import Picture, Transform
from ganzoo.errors import DamagedFile, InputError, escape, one_line
from ganzoo.files import FORMAT, write_json
from ganzoo.json_io import FileSchema, Shape, Size, read_record
from ganzoo.terminal import track

if TYPE_CHECKING:
    from ganzoo.data.source import Pictures

OnCorrupt = Literal["refuse", "skip"]

# Its last resort is one plain line on stderr.
log = logging.getLogger(__name__)


class Entry(FileSchema):
    """`entry.json`: what the pixels beside it are."""

    source: str
    transform: dict[str, int | bool]
    count: Size
    shape: Shape
    class_names: list[str]
    skipped: list[str]
    digest: str


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
    """The pictures that `read` gives, as a memory map; `read` is called only if no whole entry of this key exists.

    Raises `InputError` for an unreadable picture under "refuse" and for an entry of a newer format. One that is damaged is
    made again.
    """
    key = sha256(json.dumps([name, fingerprint, asdict(transform)]).encode()).hexdigest()[:16]
    entry = home() / "cache" / f"{name}-{transform.size}x{transform.channels}-{key}"
    if entry.exists():
        try:
            return _open(entry, on_corrupt)
        except DamagedFile as error:
            log.warning("%s; it is prepared again", error)
    with _new_entry(entry) as folder:
        _write(folder, name, read(), transform, on_corrupt, quiet)
        if _is_damaged(entry):
            shutil.rmtree(entry)
    return _open(entry, on_corrupt)


def _is_damaged(entry: Path) -> bool:
    # Asked again when the new one is ready: another process may have replaced it meanwhile.
    try:
        return entry.exists() and not _mapped(entry)
    except DamagedFile:
        return True


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
    about, pixels, labels = _mapped(entry)
    for complaint in about.skipped:
        if on_corrupt == "refuse":
            raise _refusal(complaint)
        log.warning("skipped: %s", escape(complaint))
    return Dataset(pixels, np.arange(len(pixels), dtype=np.int64), labels, about.class_names, about.digest)


def _mapped(entry: Path) -> tuple[Entry, Any, Any]:
    """What is known of an entry, its pixels and its labels; raises `DamagedFile` where they do not fit together."""
    if not (entry / "entry.json").exists():
        raise DamagedFile(f"{entry} is damaged: it has no entry.json")
    about = read_record(entry / "entry.json", Entry)
    shape = (about.count, *about.shape)
    try:
        if (size := (entry / "pixels").stat().st_size) != math.prod(shape):
            raise ValueError(f"{size} bytes of pixels for {shape}")
        pixels = np.memmap(entry / "pixels", np.uint8, "r", shape=shape)
        labels = np.load(entry / "labels.npy", allow_pickle=False) if about.class_names else None
        if labels is not None and (labels.shape, labels.dtype) != ((about.count,), np.int64):
            raise ValueError(f"labels of shape {labels.shape} and type {labels.dtype}")
    except (OSError, ValueError, EOFError) as error:
        raise DamagedFile(f"{entry} is damaged ({error})") from None
    return about, pixels, labels


def _complaint(picture: Picture, number: int, error: Exception) -> str:
    where = picture if isinstance(picture, Path) else f"picture {number}"
    # A file's name may be no text, which entry.json has to be.
    return escape(f"cannot read {where} ({one_line(error)})")


def _refusal(complaint: str) -> InputError:
    return InputError(f"{complaint}; on_corrupt = 'skip' leaves such pictures out")


def _shown(pictures: Pictures, name: str, quiet: bool) -> Iterable[tuple[Any, int]]:
    return track(pictures.each, f"preparing {name}", total=pictures.count, quiet=quiet)
