"""Archives of images (zip, tar): unpacked into the cache once, where a path that leads out of it is refused."""

import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple
from zipfile import ZipFile

from ganzoo.data.cache import check_disk_space, ganzoo_home, new_entry
from ganzoo.data.transform import has_image_suffix
from ganzoo.errors import InputError, first_line

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

CHUNK = 2**20  # bytes copied at once
ENCRYPTED = 1  # bit of a zip entry's flags


class Member(NamedTuple):
    """One file in an archive."""

    name: str
    size: int
    """Stated size in bytes; 0 for a link."""
    open: Callable[[], IO[bytes] | None]
    """Its content, or that of the file in the archive that it links to; None for a device and a link to a folder."""


def is_archive(path: Path) -> bool:
    """True for a file with the suffix of an archive."""
    return path.name.lower().endswith(SUFFIXES) and path.is_file()


def archive_title(path: Path) -> str:
    """The name of an archive without its suffix."""
    longest = max((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), key=len)
    return path.name[: -len(longest)]


def unpacked(archive: Path, fingerprint: str) -> Path:
    """The folder of the cache with the files of `archive`, unpacked if none has its `fingerprint`.

    Links become copies. Of a file that is not an image only the name is kept. Raises `InputError` for an archive that
    is damaged, encrypted or larger than the free space, or that holds a path outside of itself.
    """
    folder = ganzoo_home() / "cache" / f"archive-{sha256(fingerprint.encode()).hexdigest()[:16]}"
    if not folder.exists():
        with reading(archive), members(archive) as found, new_entry(folder) as fresh:
            check_disk_space(sum(member.size for member in found), f"the unpacked {archive.name}", fresh)
            for member in filter(is_visible, found):
                write_member(member, target_of(member, archive, fresh), archive)
            if hasattr(os, "sync"):  # not on Windows; one call instead of one per file
                os.sync()
    return folder


@contextmanager
def reading(archive: Path, name: str = "") -> Iterator[None]:
    """Raise errors of a damaged archive as `InputError`; `name` is the file in it that is read."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # zlib, zipfile, tarfile, gzip and lzma raise different errors
        where = f"{name} in {archive}" if name else f"{archive} as an archive"
        raise InputError(f"cannot read {where} ({first_line(error)}); pack or download it again") from None


@contextmanager
def members(archive: Path) -> Iterator[list[Member]]:
    """The files of an open archive; raises `InputError` for an encrypted one."""
    if archive.name.lower().endswith(".zip"):
        with ZipFile(archive) as zipped:
            yield zip_members(zipped, archive)
    else:
        with tarfile.open(archive) as tar:
            yield [Member(info.name, info.size, partial(tar.extractfile, info)) for info in tar if is_readable(info)]


def zip_members(zipped: ZipFile, archive: Path) -> list[Member]:
    """The files of a zip archive; raises `InputError` if one is encrypted."""
    files = [info for info in zipped.infolist() if not info.is_dir()]
    if any(info.flag_bits & ENCRYPTED for info in files):
        raise InputError(f"{archive} is encrypted; unpack it and give the folder")
    # A backslash is a separator of faulty programs; the format has the slash only.
    return [Member(info.filename.replace("\\", "/"), info.file_size, partial(zipped.open, info)) for info in files]


def is_readable(info: tarfile.TarInfo) -> bool:
    """True for a file, and for a link with the name of an image; False for folders, devices and other links."""
    return info.isfile() or ((info.issym() or info.islnk()) and has_image_suffix(Path(info.name)))


def is_visible(member: Member) -> bool:
    """False for hidden files, and for those that macOS adds to a zip."""
    parts = PurePosixPath(member.name).parts
    return not any(part == "__MACOSX" or (part.startswith(".") and part != "..") for part in parts)


def target_of(member: Member, archive: Path, folder: Path) -> Path:
    """The path of a member in `folder`; raises `InputError` if it would be elsewhere."""
    target = (folder / member.name).resolve()
    if not target.is_relative_to(folder.resolve()) or target == folder.resolve():
        raise InputError(f"{archive} holds the path {member.name!r}, which leads out of it; pack it without such paths")
    return target


def write_member(member: Member, target: Path, archive: Path) -> None:
    """Write an image, or an empty file in place of any other, so that it is counted but takes no space."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        for chunk in chunks(member, archive) if has_image_suffix(target) else ():
            file.write(chunk)


def chunks(member: Member, archive: Path) -> Iterator[bytes]:
    """The content of a member in chunks; raises `InputError` if it is damaged."""
    with reading(archive, member.name):
        source = member.open()
        while source and (chunk := source.read(CHUNK)):
            yield chunk
