"""Folder of images, or an archive of one; its sub-folders are classes, or the splits train and test."""

import json
import warnings
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from ganzoo.data.archive import SUFFIXES as ARCHIVE_SUFFIXES
from ganzoo.data.archive import archive_title, is_archive, unpacked
from ganzoo.data.source import Source, Split, check_class_name, files_fingerprint
from ganzoo.data.transform import SUFFIXES, Pictures, has_image_suffix, lacks_decoder, plugin_hint
from ganzoo.errors import InputError

SPLIT_NAMES = {"train", "training", "val", "valid", "validation", "dev", "test", "testing"}


class Folder(Source):
    """`folder:PATH`: PATH/CLASS/…/image, or PATH/image without labels; PATH/train and PATH/test are splits.

    PATH may also be a zip or tar archive of such a folder.
    """

    name = "folder"
    usage = "folder:PATH"

    def __init__(self, argument: str) -> None:
        super().__init__(argument)
        self.path = Path(argument).expanduser()
        if self.path.is_file() and not is_archive(self.path):
            raise InputError(f"{self.path} is neither a folder nor an archive ({' '.join(ARCHIVE_SUFFIXES)})")
        if not self.path.exists():
            raise InputError(f"folder {self.path} does not exist")
        self.root = archive_root(self.path) if is_archive(self.path) else self.path
        self.divided = {folder.name for folder in subfolders(self.root)} == {"train", "test"}
        filled = tuple(s for s in Source.splits if self.divided and any(images_below(self.root / s)))
        self.splits = filled or ("train",)

    @property
    def title(self) -> str:
        """The name of the folder, or of the archive without its suffix."""
        return archive_title(self.path) if is_archive(self.path) else self.path.resolve().name

    def fingerprint(self, split: Split) -> str:
        """Digest of the path, size, modification time and class of every image; of an archive instead of its images."""
        files, names = self._labelled(split)
        sources = [self.path] if is_archive(self.path) else [file for file, _ in files]
        # Classes are included, because the same files have other classes relative to another folder.
        facts = [files_fingerprint(sources), [label for _, label in files], names]
        return sha256(json.dumps(facts).encode()).hexdigest()

    def pictures(self, split: Split) -> Pictures:
        """Images by class, then by name; raises `InputError` for a folder without images, or with images next to classes."""
        files, names = self._labelled(split)
        return Pictures(len(files), files, names)

    def left_out(self, split: Split) -> dict[str, int]:
        """Number of visible files that are no images, and of images that need a plugin."""
        files = list(files_below(self._folder(split)))
        others = Counter(file.suffix.lower() or file.name for file in files if not has_image_suffix(file))
        lacking = [file for file in files if lacks_decoder(file)]
        found = {f"no image: {', '.join(sorted(others))}": others.total()} if others else {}
        return found | ({plugin_hint(lacking): len(lacking)} if lacking else {})

    def _folder(self, split: Split) -> Path:
        return self.root / split if self.divided else self.root

    def _labelled(self, split: Split) -> tuple[list[tuple[Path, int]], list[str]]:
        """Every decodable image with the index of its class, and the names of the classes."""
        path = self._folder(split)
        classes = {folder.name: found for folder in subfolders(path) if (found := list(images_below(folder)))}
        if self.divided:
            check_no_loose_images(self.root)
        if classes:
            check_no_loose_images(path)
            warn_split_names(path, list(classes))
        for name in classes:
            check_class_name(name)
        loose = images_directly_in(path)
        shown = self.path / split if self.divided else self.path
        if not loose and not classes:
            raise InputError(f"{shown} holds no image ({' '.join(SUFFIXES)})")
        files = [(file, label) for label, found in enumerate(classes.values()) for file in found]
        return only_decodable(shown, files or [(file, -1) for file in loose]), list(classes)


def archive_root(archive: Path) -> Path:
    """The folder that stands for an archive: that of its files or, if they are all in one sub-folder, this one."""
    folder = unpacked(archive, files_fingerprint([archive]))
    inner = subfolders(folder)
    return inner[0] if len(inner) == 1 and not images_directly_in(folder) else folder


def only_decodable(path: Path, labelled: list[tuple[Path, int]]) -> list[tuple[Path, int]]:
    """The images, of `path`, that can be decoded, with a warning about the others; raises `InputError` if none can."""
    lacking = [file for file, _ in labelled if lacks_decoder(file)]
    if not lacking:
        return labelled
    line = f"{len(lacking):,} of {len(labelled):,} images in {path} left out, {plugin_hint(lacking)}"
    if len(lacking) == len(labelled):
        raise InputError(line)
    warnings.warn(line, stacklevel=2)
    return [(file, label) for file, label in labelled if not lacks_decoder(file)]


def images_directly_in(path: Path) -> list[Path]:
    """The images directly in a folder, not in its sub-folders."""
    return [file for file in visible_entries(path) if is_image_file(file)]


def check_no_loose_images(path: Path) -> None:
    """Raise `InputError` for images directly in a folder that has class folders."""
    if loose := images_directly_in(path):
        raise InputError(f"{path} holds both images and folders of images: move {loose[0].name} into a folder")


def warn_split_names(path: Path, classes: list[str]) -> None:
    """Warn if all classes have names of splits."""
    if len(classes) > 1 and {name.lower() for name in classes} <= SPLIT_NAMES:
        warnings.warn(
            f"the folders {', '.join(classes)} of {path} are used as classes: if they are splits, name one of them as "
            "the folder, or keep two and call them train and test",
            stacklevel=2,
        )


def visible_entries(path: Path) -> list[Path]:
    """The entries of a folder by name, without hidden ones (`._x.jpg`, `.git`).

    Raises `InputError` for an unreadable folder, whose images would be missing silently.
    """
    try:
        return sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise InputError(
            f"cannot read the folder {path} ({error.strerror}); move it away or make it readable"
        ) from None


def subfolders(path: Path) -> list[Path]:
    """Sub-folders, excluding symbolic links to the folder itself or to a parent."""
    here = path.resolve()
    return [entry for entry in visible_entries(path) if entry.is_dir() and not here.is_relative_to(entry.resolve())]


def files_below(path: Path) -> Iterator[Path]:
    """All files in a folder and its sub-folders, except hidden ones."""
    for entry in visible_entries(path):
        if not entry.is_dir():
            yield entry
        elif not entry.is_symlink():  # a link may lead back to this folder
            yield from files_below(entry)


def images_below(path: Path) -> Iterator[Path]:
    """All images in a folder and its sub-folders, except hidden ones."""
    return filter(is_image_file, files_below(path))


def is_image_file(file: Path) -> bool:
    """True for a file with the suffix of an image, or a broken link with such a suffix."""
    return has_image_suffix(file) and (file.is_file() or (file.is_symlink() and not file.exists()))
