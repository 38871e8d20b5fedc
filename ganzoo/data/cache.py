"""Cache of decoded images: each data set is a folder in `GANZOO_HOME/cache` with raw pixels and a JSON description."""

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from ganzoo.atomic_io import FORMAT, read_bytes, sha256_hex, sync_folder, write_bytes, write_json
from ganzoo.data.arrays import array_bytes, read_array
from ganzoo.data.dataset import Dataset, dataset_digest
from ganzoo.data.decode import COLUMNS, DecodingFacts, OnCorrupt, corrupt_error, decode
from ganzoo.data.transform import Pictures, Transform
from ganzoo.errors import DamagedFile, InputError, escape, first_line
from ganzoo.json_io import FileSchema, Shape, Size, read_record
from ganzoo.terminal import track

# Without handlers, logging.lastResort prints warnings to stderr.
logger = logging.getLogger(__name__)


class Entry(FileSchema):
    """Content of `entry.json`: the description of the pixels next to it."""

    source: str
    transform: dict[str, int | bool | str]
    count: Size
    shape: Shape
    class_names: list[str]
    skipped: list[str]
    digest: str
    facts: str = ""
    """SHA-256 of facts.npy; empty in an entry of an earlier version, which has no such file."""


def ganzoo_home() -> Path:
    """The folder `GANZOO_HOME` or `~/.cache/ganzoo`: downloads are in `data/`, files made from them in `cache/`."""
    return Path(os.environ.get("GANZOO_HOME") or "~/.cache/ganzoo").expanduser()


def load_or_prepare(
    name: str,
    fingerprint: str,
    read: Callable[[], Pictures],
    transform: Transform,
    *,
    on_corrupt: OnCorrupt = "error",
    quiet: bool = False,
) -> Dataset:
    """The images returned by `read`, as a memory map; `read` is called only if the cache has no intact entry of this key.

    A damaged entry is prepared again. Raises `InputError` for an unreadable image under "error", for an entry of a
    newer format, and for a damaged entry whose images `read` cannot provide.
    """
    key = sha256(json.dumps([name, fingerprint, transform.key]).encode()).hexdigest()[:16]
    entry = ganzoo_home() / "cache" / f"{name}-{transform.size}x{transform.channels}-{key}"

    def make(in_place_of_damaged: bool = False) -> None:
        with new_entry(entry, in_place_of_damaged) as folder:
            _write_entry(folder, name, read(), transform, on_corrupt, quiet)

    if not entry.exists():
        make()
    try:
        return _open_entry(entry, transform, on_corrupt)
    except DamagedFile as error:
        logger.warning("%s; it is prepared again", error)
        try:
            make(in_place_of_damaged=True)
        except InputError as second:
            raise InputError(
                f"{error}; it cannot be prepared again ({second}): fix that, or delete the entry"
            ) from None
    return _open_entry(entry, transform, on_corrupt)


@contextmanager
def new_entry(entry: Path, in_place_of_damaged: bool = False) -> Iterator[Path]:
    """A folder to fill, which becomes `entry` of the cache at the end; raises `InputError` if it cannot be written."""
    # A unique name: several processes may prepare the same set, and the first to finish wins.
    folder = entry.with_name(f".{entry.name}.{uuid4().hex}")
    old = folder.with_suffix(".old")
    try:
        folder.mkdir(parents=True)
        yield folder
        sync_folder(folder)
        if in_place_of_damaged:
            with suppress(FileNotFoundError):  # another process may do the same
                entry.rename(old)
        folder.rename(entry)
        sync_folder(entry.parent)
    except OSError as error:
        # Renaming onto an existing folder with files fails; then another process has finished first.
        if not entry.exists():
            raise InputError(f"cannot prepare {entry}: {error} (GANZOO_HOME sets its folder)") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _write_entry(
    folder: Path, name: str, pictures: Pictures, transform: Transform, on_corrupt: OnCorrupt, quiet: bool
) -> None:
    check_disk_space(pictures.count * prod(transform.shape), f"the decoded {name}", folder)
    with (folder / "pixels").open("wb") as file:
        found = decode(_with_progress(pictures, name, quiet), transform, on_corrupt, file)
        os.fsync(file.fileno())
    if not found.labels:
        raise InputError(f"{name} has no readable image")
    labels = np.array(found.labels, np.int64) if pictures.class_names else None
    if labels is not None:
        write_bytes(folder / "labels.npy", array_bytes(labels))
    facts = array_bytes(found.fact_table)
    write_bytes(folder / "facts.npy", facts)
    description = {
        "format": FORMAT,
        "source": name,
        "transform": transform.key,
        "count": len(found.labels),
        "shape": transform.shape,
        "class_names": pictures.class_names,
        "skipped": found.skipped,
        "digest": dataset_digest(found.digest, transform.shape, labels, pictures.class_names),
        "facts": sha256_hex(facts),
    }
    write_json(folder / "entry.json", description)


def check_disk_space(size: int, what: str, folder: Path) -> None:
    """Raise `InputError` if `what`, of `size` bytes, does not fit on the disk of `folder`, an entry in the making."""
    if size > (free := shutil.disk_usage(folder).free):
        words = f"{what} needs {size:,} bytes, but {folder.parent} has {free:,} free"
        raise InputError(f"{words}; free some space, or set GANZOO_HOME to a folder on another disk")


def _open_entry(entry: Path, transform: Transform, on_corrupt: OnCorrupt) -> Dataset:
    if not (entry / "entry.json").exists():
        raise DamagedFile(f"{entry} is damaged: it has no entry.json")
    about = read_record(entry / "entry.json", Entry)
    try:
        pixels = _mapped(entry / "pixels", (about.count, *transform.shape))
        labels = _labels(entry / "labels.npy", about.count) if about.class_names else None
        if dataset_digest(sha256(pixels.data), transform.shape, labels, about.class_names) != about.digest:
            raise ValueError("its SHA-256 differs from the one in entry.json")
        facts = _facts(entry / "facts.npy", about, transform) if about.facts else None
    except (OSError, ValueError) as error:
        raise DamagedFile(f"{entry} is damaged ({first_line(error)})") from None
    for complaint in about.skipped:
        if on_corrupt == "error":
            raise corrupt_error(complaint)
        logger.warning("skipped: %s", escape(complaint))
    return Dataset(pixels, np.arange(len(pixels), dtype=np.int64), labels, about.class_names, about.digest, facts=facts)


def _mapped(path: Path, shape: tuple[int, ...]) -> np.memmap:
    if not path.is_file() or path.stat().st_size != prod(shape):
        raise ValueError(f"{path.name} is not a file of {prod(shape)} bytes")
    return np.memmap(path, np.uint8, "r", shape=shape)


def _labels(path: Path, count: int) -> np.ndarray:
    labels = read_array(BytesIO(read_bytes(path)), 8 * count)
    if labels.shape != (count,) or labels.dtype != np.int64:
        raise ValueError(f"{path.name} holds {labels.dtype} {labels.shape}, not int64 ({count},)")
    return labels


def _facts(path: Path, about: Entry, transform: Transform) -> DecodingFacts:
    content = read_bytes(path)
    if sha256_hex(content) != about.facts:
        raise ValueError(f"the SHA-256 of {path.name} differs from the one in entry.json")
    table = read_array(BytesIO(content), 8 * COLUMNS * about.count)
    return DecodingFacts(table, transform.crop, tuple(about.skipped))


def _with_progress(pictures: Pictures, name: str, quiet: bool) -> Iterable[tuple[Any, int]]:
    return track(pictures.each, f"preparing {name}", total=pictures.count, quiet=quiet)
