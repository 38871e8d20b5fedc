"""Atomic writes of files and folders (temporary file, sync, rename), safe reads, and file locks."""

import json
import lzma
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, TextIO, TypeVar

from ganzoo.errors import DamagedFile, InputError

FORMAT = 1
"""The version of ganzoo's file formats; a newer one is refused."""

MAX_BYTES = 16 * 2**30
"""Default limit on the size of a file that is read into memory."""

LEFTOVER_NAME = re.compile(r"\.(.+)\.(new|old|\d+)")
"""Name and suffix of a temporary file or folder left by a killed `write_bytes` or `write_folder`."""

Content = TypeVar("Content")


def write_bytes(path: Path, content: bytes) -> None:
    """Write `path` atomically: after a crash it holds either the old content or the new."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with name_in_errors(path, temporary):
        try:
            temporary.unlink(missing_ok=True)
            with temporary.open("xb") as file:  # "x": never write through an existing link
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            with suppress(OSError):  # if it cannot be removed, the write has already failed
                temporary.unlink(missing_ok=True)


@contextmanager
def name_in_errors(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """Make an `OSError` that names no file, or a temporary file `temporary`, name `path` instead."""
    try:
        yield
    except OSError as error:
        where = os.path.abspath(error.filename or path)
        if error.filename is not None and not (temporary and where.startswith(os.path.abspath(temporary))):
            raise
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` atomically, as indented JSON."""
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def read_bytes(path: Path, limit: int = MAX_BYTES) -> bytes:
    """Return the content of the regular file `path`.

    Raises `InputError` if it cannot be read, is not a regular file (a FIFO or a device would block or never end) or has
    more than `limit` bytes.
    """
    # Non-blocking, so that opening a FIFO without a writer returns and the check below can refuse it.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InputError(f"cannot read {path}: it is not a regular file")
            if status.st_size > limit:
                raise InputError(
                    f"cannot read {path}: it has {status.st_size:,} bytes, more than the limit of {limit:,}"
                )
            return file.read()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None


def read_json(path: Path, newest: int = FORMAT) -> dict[str, Any]:
    """The JSON object in `path`, not yet validated against a schema (see `json_io`); a name in .xz is decompressed.

    Raises `DamagedFile` if it is not a ganzoo file, `InputError` if it cannot be read or its format is newer.
    """
    content = read_bytes(path)
    try:
        value = decode_json(lzma.decompress(content) if path.suffix == ".xz" else content)
    except (ValueError, RecursionError, lzma.LZMAError) as error:
        raise DamagedFile(f"{path} is not valid JSON: {error}") from None
    table: dict[str, Any] = value if isinstance(value, dict) else {}
    number = table.get("format")
    if type(number) is not int or number < 1:
        raise DamagedFile(f"{path} is not a ganzoo file: it has no format number")
    if number > newest:
        raise InputError(f"{path} has format {number}, but this ganzoo reads up to format {newest}; update ganzoo")
    return table


def decode_json(content: bytes | str) -> Any:
    """Decode JSON; NaN and Infinity become None, the same value as null, which ganzoo writes for them.

    Raises `ValueError` for invalid JSON, `RecursionError` if it is nested too deeply.
    """
    return json.loads(content, parse_constant=lambda _: None)


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Write the folder `path` atomically: `fill` writes a temporary folder next to it, which then replaces `path`.

    The parent must exist, so that a folder that was deleted in the meantime is not recreated.
    """
    temporary, old = path.with_name(f".{path.name}.new"), path.with_name(f".{path.name}.old")
    with name_in_errors(path, temporary):
        recover_folder(path)
        try:
            temporary.mkdir()
            fill(temporary)
            if path.exists():
                os.replace(path, old)
            os.replace(temporary, path)
        finally:
            if is_half_written(path):
                os.replace(old, path)
            shutil.rmtree(temporary, ignore_errors=True)
    sync_folder(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Wait until the directory entries of `folder` are on disk."""
    # Only POSIX can open and sync a folder, and only there a rename needs it.
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def is_half_written(path: Path) -> bool:
    """True if a `write_folder` is between its two renames, or was stopped there."""
    return not path.exists() and path.with_name(f".{path.name}.old").exists()


def current_folder(path: Path) -> Path:
    """The current location of the folder `path`: its ".old" name between the two renames of `write_folder`."""
    return path.with_name(f".{path.name}.old") if is_half_written(path) else path


def read_folder(path: Path, read: Callable[[Path], Content]) -> Content:
    """Return `read(path)`, with one retry, because the folder may be replaced while it is read."""
    try:
        return read(current_folder(path))
    except InputError:  # damaged, or replaced while it was read
        return read(current_folder(path))


def recover_folder(path: Path) -> None:
    """`recover_leftovers` for the single file or folder `path`."""
    recover_leftovers(path.parent, re.compile(re.escape(path.name)))


def recover_leftovers(folder: Path, names: re.Pattern[str]) -> None:
    """Undo interrupted writes to files and folders in `folder` whose names match; no other process may write them.

    A folder that was being replaced is restored unless its replacement is in place; temporary files are deleted.
    """
    for path in sorted(folder.glob(".*")):
        if not (target := leftover_target(path, names)):
            continue
        if path.suffix == ".old" and not target.exists():
            os.replace(path, target)
        elif path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def leftover_target(path: Path, names: re.Pattern[str]) -> Path | None:
    """The file or folder whose interrupted write left `path`; None for other paths and for names that do not match."""
    found = LEFTOVER_NAME.fullmatch(path.name)
    return path.with_name(found[1]) if found and names.fullmatch(found[1]) else None


def check_no_links(folder: Path) -> None:
    """Raise `InputError` for a symbolic link inside `folder`, through which a write or deletion would leave the folder.

    `folder` itself may be a link.
    """
    for parent, folders, files in os.walk(folder):
        for name in sorted((*folders, *files)):
            if (path := Path(parent, name)).is_symlink():
                raise InputError(
                    f"{path} is a symbolic link, which may lead out of {folder}; replace it with its target or remove it"
                )


def open_to_append(path: Path) -> TextIO:
    """Open `path` for appending; a missing file is created. Raises `InputError` for a symbolic link."""
    # Non-blocking, so that a FIFO without a reader is refused.
    extra = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        return open(path, "a", encoding="utf-8", opener=lambda name, flags: os.open(name, flags | extra, 0o666))
    except OSError:
        if path.is_symlink():
            raise InputError(f"{path} is a symbolic link, and ganzoo does not write through links; remove it") from None
        raise


def sha256_hex(content: bytes) -> str:
    """The SHA-256 of `content` in hexadecimal."""
    return sha256(content).hexdigest()


@contextmanager
def file_lock(path: Path, refusal: str | None = None) -> Iterator[None]:
    """Hold a lock on the file `path`; the operating system releases it even if the process is killed.

    Waits for a process that holds the lock, or raises `InputError(refusal)` if `refusal` is given.
    """
    try:
        import fcntl
    except ImportError:  # Windows: no lock; the user must avoid two commands on one folder
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_to_append(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if refusal is None else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(str(refusal)) from None
        except OSError:  # a file system without locks
            pass
        yield
