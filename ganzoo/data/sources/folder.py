"""Folder of images; its sub-folders are classes, or the splits train and test."""

import json
import warnings
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from ganzoo.data.source import Source, Split, check_class_name, files_fingerprint
from ganzoo.data.transform import Pictures
from ganzoo.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")

SPLIT_NAMES = {"train", "training", "val", "valid", "validation", "dev", "test", "testing"}


class Folder(Source):
    """`folder:PATH`: PATH/CLASS/…/image, or PATH/image without labels; PATH/train and PATH/test are splits."""

    name = "folder"
    usage = "folder:PATH"

    def __init__(self, argument: str) -> None:
        super().__init__(argument)
        self.path = Path(argument).expanduser()
        if not self.path.is_dir():
            raise InputError(f"folder {self.path} does not exist")
        self.divided = {folder.name for folder in subfolders(self.path)} == {"train", "test"}
        filled = tuple(s for s in Source.splits if self.divided and any(images_below(self.path / s)))
        self.splits = filled or ("train",)

    @property
    def title(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    def fingerprint(self, split: Split) -> str:
        """Digest of the path, size, modification time and class of every image."""
        files, names = self._labelled(split)
        # Classes are included, because the same files have other classes relative to another folder.
        facts = [files_fingerprint(file for file, _ in files), [label for _, label in files], names]
        return sha256(json.dumps(facts).encode()).hexdigest()

    def pictures(self, split: Split) -> Pictures:
        """Images by class, then by name; raises `InputError` for a folder without images, or with images next to classes."""
        files, names = self._labelled(split)
        return Pictures(len(files), files, names)

    def _labelled(self, split: Split) -> tuple[list[tuple[Path, int]], list[str]]:
        """Every image with the index of its class, and the names of the classes."""
        path = self.path / split if self.divided else self.path
        classes = {folder.name: found for folder in subfolders(path) if (found := list(images_below(folder)))}
        if self.divided:
            check_no_loose_images(self.path)
        if classes:
            check_no_loose_images(path)
            warn_split_names(path, list(classes))
        for name in classes:
            check_class_name(name)
        loose = images_directly_in(path)
        if not loose and not classes:
            raise InputError(f"{path} holds no image ({' '.join(SUFFIXES)})")
        labelled = [(file, label) for label, files in enumerate(classes.values()) for file in files]
        return labelled or [(file, -1) for file in loose], list(classes)


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


def images_below(path: Path) -> Iterator[Path]:
    """All images in a folder and its sub-folders, except hidden ones."""
    for entry in visible_entries(path):
        if is_image_file(entry):
            yield entry
        elif entry.is_dir() and not entry.is_symlink():  # a link may lead back to this folder
            yield from images_below(entry)


def is_image_file(file: Path) -> bool:
    """True for a file with the suffix of an image, or a broken link with such a suffix."""
    return file.suffix.lower() in SUFFIXES and (file.is_file() or (file.is_symlink() and not file.exists()))
