"""Files that are whole or not there: written beside, synced, renamed; and a lock for who writes them."""

import json
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
"""The version of every file format of ours; a newer one is refused."""

MAX_BYTES = 16 * 2**30
"""The largest file that is read into memory as a whole, unless the caller sets another limit."""

LEFTOVER_NAME = re.compile(r"\.(.+)\.(new|old|\d+)")
"""Name and kind of a file or folder that `write_bytes` or `write_folder` leaves when it is killed."""

Content = TypeVar("Content")


def write_bytes(path: Path, content: bytes) -> None:
    """Write `path` so that, whenever the machine stops, it holds the old content or the new."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with name_in_errors(path, beside):
        try:
            beside.unlink(missing_ok=True)
            with beside.open("xb") as file:  # never through a link that somebody put there
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        finally:
            with suppress(OSError):  # what cannot be removed was refused before
                beside.unlink(missing_ok=True)


@contextmanager
def name_in_errors(path: Path, beside: Path | None = None) -> Iterator[None]:
    """A block in which an error of the disk that names no file, or one `beside`, names `path`, which was wanted."""
    try:
        yield
    except OSError as error:
        where = os.path.abspath(error.filename or path)
        if error.filename is not None and not (beside and where.startswith(os.path.abspath(beside))):
            raise
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def write_json(path: Path, value: Any) -> None:
    """`write_bytes` of `value` as readable JSON."""
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def read_bytes(path: Path, limit: int = MAX_BYTES) -> bytes:
    """Return the content of the regular file `path`.

    Raises `InputError` if it cannot be read, is no regular file (a FIFO or a device would block or never end) or has
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
    """The table in `path`, before it is held against a schema (see `json_io`).

    Raises `DamagedFile` where it is no table of ours, `InputError` where it cannot be read or its format is newer.
    """
    content = read_bytes(path)
    try:
        value = decode_json(content)
    except (ValueError, RecursionError) as error:
        raise DamagedFile(f"{path} is not valid JSON: {error}") from None
    table: dict[str, Any] = value if isinstance(value, dict) else {}
    number = table.get("format")
    if type(number) is not int or number < 1:
        raise DamagedFile(f"{path} is not a file of ganzoo: it names no format")
    if number > newest:
        raise InputError(f"{path} has format {number}, newer than this ganzoo reads ({newest}); update ganzoo")
    return table


def decode_json(content: bytes | str) -> Any:
    """JSON -> its value; a number that is not finite (NaN, Infinity) is None, as it is where we write null.

    Raises `ValueError` for what is not JSON, `RecursionError` where it is nested too deep.
    """
    return json.loads(content, parse_constant=lambda _: None)


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write a folder beside `path`, then put it there whole; a folder that was there is replaced.

    The parent must exist: a folder that was deleted meanwhile does not come back.
    """
    beside, old = path.with_name(f".{path.name}.new"), path.with_name(f".{path.name}.old")
    with name_in_errors(path, beside):
        recover_folder(path)
        try:
            beside.mkdir()
            fill(beside)
            if path.exists():
                os.replace(path, old)
            os.replace(beside, path)
        finally:
            if is_half_written(path):
                os.replace(old, path)
            shutil.rmtree(beside, ignore_errors=True)
    sync_folder(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Wait until the names in `folder` are on the disk."""
    # Only POSIX lets a folder be opened, and only there do renames wait for it.
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def is_half_written(path: Path) -> bool:
    """Whether a `write_folder` is, or was stopped, between its two renames."""
    return not path.exists() and path.with_name(f".{path.name}.old").exists()


def current_folder(path: Path) -> Path:
    """Return where the folder last written to `path` is: under its old name between the two renames of `write_folder`."""
    return path.with_name(f".{path.name}.old") if is_half_written(path) else path


def read_folder(path: Path, read: Callable[[Path], Content]) -> Content:
    """Return `read` of the folder last written to `path`, which may be replaced at any moment."""
    try:
        return read(current_folder(path))
    except InputError:  # damaged, or replaced while it was read
        return read(current_folder(path))


def recover_folder(path: Path) -> None:
    """`recover_leftovers` for the one file or folder `path`."""
    recover_leftovers(path.parent, re.compile(re.escape(path.name)))


def recover_leftovers(folder: Path, names: re.Pattern[str]) -> None:
    """Undo the stopped writes to files and folders in `folder` whose names match, while nobody else writes them.

    A folder that was being replaced comes back unless its successor is in place; temporary files and folders are deleted.
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
    """Return the file or folder whose stopped write left `path`; None for anything else and for names that do not match."""
    found = LEFTOVER_NAME.fullmatch(path.name)
    return path.with_name(found[1]) if found and names.fullmatch(found[1]) else None


def check_no_links(folder: Path) -> None:
    """Raise `InputError` for a symbolic link inside `folder`: writing or deleting through it would leave the folder.

    `folder` itself may be one.
    """
    for parent, folders, files in os.walk(folder):
        for name in sorted((*folders, *files)):
            if (path := Path(parent, name)).is_symlink():
                raise InputError(
                    f"{path} is a symbolic link, which may lead out of {folder}; remove it or put its target there"
                )


def open_to_append(path: Path) -> TextIO:
    """Open `path` for appending; it is created if missing, never truncated and never reached through a link.

    Raises `InputError` for a link.
    """
    # Non-blocking, so that a FIFO without a reader is refused.
    extra = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        return open(path, "a", encoding="utf-8", opener=lambda name, flags: os.open(name, flags | extra, 0o666))
    except OSError:
        if path.is_symlink():
            raise InputError(f"{path} is a symbolic link, which is not written through; remove it") from None
        raise


def sha256_hex(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return sha256(content).hexdigest()


@contextmanager
def file_lock(path: Path, refusal: str | None = None) -> Iterator[None]:
    """Hold the lock on the file `path`, which the system lets go of however the process ends.

    Waits for a process that holds it, or raises `InputError` with the words of `refusal`.
    """
    try:
        import fcntl
    except ImportError:  # Windows: two commands on one folder are the user's to avoid
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
