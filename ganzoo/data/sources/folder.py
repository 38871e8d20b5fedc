"""Any folder of pictures; its sub-folders are classes."""

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
    """`folder:PATH`: PATH/CLASS/…/picture, or PATH/picture without labels; PATH/train and PATH/test are splits."""

    name = "folder"
    usage = "folder:PATH"

    def __init__(self, argument: str) -> None:
        super().__init__(argument)
        self.path = Path(argument).expanduser()
        if not self.path.is_dir():
            raise InputError(f"there is no folder {self.path}")
        self.divided = {folder.name for folder in subfolders(self.path)} == {"train", "test"}
        filled = tuple(s for s in Source.splits if self.divided and any(images_below(self.path / s)))
        self.splits = filled or ("train",)

    @property
    def title(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    def fingerprint(self, split: Split) -> str:
        """Every picture's path, size, time and class: one added, removed or changed makes another set."""
        files, names = self._labelled(split)
        # The same files have other classes below another folder.
        facts = [files_fingerprint(file for file, _ in files), [label for _, label in files], names]
        return sha256(json.dumps(facts).encode()).hexdigest()

    def pictures(self, split: Split) -> Pictures:
        """By class, then by name; raises `InputError` for a folder without pictures or with both kinds."""
        files, names = self._labelled(split)
        return Pictures(len(files), files, names)

    def _labelled(self, split: Split) -> tuple[list[tuple[Path, int]], list[str]]:
        """Every picture with the index of its class, and the names of the classes."""
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
            raise InputError(f"{path} holds no picture ({' '.join(SUFFIXES)})")
        labelled = [(file, label) for label, files in enumerate(classes.values()) for file in files]
        return labelled or [(file, -1) for file in loose], list(classes)


def images_directly_in(path: Path) -> list[Path]:
    """The pictures in a folder that lie in none of its folders."""
    return [file for file in visible_entries(path) if is_image_file(file)]


def check_no_loose_images(path: Path) -> None:
    """Raise `InputError` for pictures in a folder of folders of pictures."""
    if loose := images_directly_in(path):
        raise InputError(f"{path} holds both pictures and folders of pictures: put {loose[0].name} into a folder")


def warn_split_names(path: Path, classes: list[str]) -> None:
    """Warn of classes that are called as splits are."""
    if len(classes) > 1 and {name.lower() for name in classes} <= SPLIT_NAMES:
        warnings.warn(
            f"the folders {', '.join(classes)} of {path} are taken as classes: if they are splits, give one of them as "
            "the folder, or keep two and call them train and test",
            stacklevel=2,
        )


def visible_entries(path: Path) -> list[Path]:
    """What lies in a folder, in the order of names, without what the system hides (`._x.jpg`, `.git`).

    Raises `InputError` for a folder that may not be read: its pictures would be missing without a word.
    """
    try:
        return sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise InputError(
            f"cannot read the folder {path} ({error.strerror}); take it away or make it readable"
        ) from None


def subfolders(path: Path) -> list[Path]:
    """The folders in a folder, but for links to itself or to what it lies in."""
    here = path.resolve()
    return [entry for entry in visible_entries(path) if entry.is_dir() and not here.is_relative_to(entry.resolve())]


def images_below(path: Path) -> Iterator[Path]:
    """All pictures of a folder and the folders in it, but for what the system hides."""
    for entry in visible_entries(path):
        if is_image_file(entry):
            yield entry
        elif entry.is_dir() and not entry.is_symlink():  # which may lead back to here
            yield from images_below(entry)


def is_image_file(file: Path) -> bool:
    """Whether this is a file whose name is one of a picture, or a link of such a name to a file that is gone."""
    return file.suffix.lower() in SUFFIXES and (file.is_file() or (file.is_symlink() and not file.exists()))
