"""Any folder of pictures; its sub-folders are classes."""

from __future__ import annotations

from pathlib import Path

from ganzoo.data.source import Pictures, Source, Split, refuse_name, stamp
from ganzoo.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")


class Folder(Source):
    """`folder:PATH`: PATH/CLASS/…/picture, or PATH/picture without labels; PATH/train and PATH/test are splits."""

    name = "folder"
    usage = "folder:PATH"

    def __init__(self, argument: str) -> None:
        super().__init__(argument)
        self.path = Path(argument).expanduser()
        if not self.path.is_dir():
            raise InputError(f"there is no folder {self.path}")
        self.divided = {folder.name for folder in folders(self.path)} == {"train", "test"}
        self.splits = ("train", "test") if self.divided else ("train",)

    @property
    def title(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    def fingerprint(self, split: Split) -> str:
        """Every picture's path, size and time: one added, removed or changed makes another set."""
        return stamp(file for file, _ in self._labelled(split)[0])

    def pictures(self, split: Split) -> Pictures:
        """By class, then by name; raises `InputError` for a folder without pictures or with both kinds."""
        files, names = self._labelled(split)
        return Pictures(len(files), files, names)

    def _labelled(self, split: Split) -> tuple[list[tuple[Path, int]], list[str]]:
        """Every picture with the index of its class, and the names of the classes."""
        path = self.path / split if self.divided else self.path
        classes = {folder.name: found for folder in folders(path) if (found := below(folder))}
        if self.divided:
            refuse_loose(self.path)
        if classes:
            refuse_loose(path)
        for name in classes:
            refuse_name(name)
        loose = loose_in(path)
        if not loose and not classes:
            raise InputError(f"{path} holds no picture ({' '.join(SUFFIXES)})")
        labelled = [(file, label) for label, files in enumerate(classes.values()) for file in files]
        return labelled or [(file, -1) for file in loose], list(classes)


def loose_in(path: Path) -> list[Path]:
    """The pictures in a folder that lie in none of its folders."""
    return [file for file in visible(path) if is_picture(file)]


def refuse_loose(path: Path) -> None:
    """Raise `InputError` for pictures in a folder of folders of pictures."""
    if loose := loose_in(path):
        raise InputError(f"{path} holds both pictures and folders of pictures: put {loose[0].name} into a folder")


def visible(path: Path) -> list[Path]:
    """What lies in a folder, in the order of names, without what the system hides (`._x.jpg`, `.git`).

    Raises `InputError` for a folder that may not be read: its pictures would be missing without a word.
    """
    try:
        return sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise InputError(
            f"cannot read the folder {path} ({error.strerror}); take it away or make it readable"
        ) from None


def folders(path: Path) -> list[Path]:
    """The folders in a folder."""
    return [entry for entry in visible(path) if entry.is_dir()]


def below(path: Path) -> list[Path]:
    """All pictures of a folder and the folders in it, but for what the system hides."""
    found: list[Path] = []
    for entry in visible(path):
        if is_picture(entry):
            found.append(entry)
        elif entry.is_dir() and not entry.is_symlink():  # which may lead back to here
            found += below(entry)
    return found


def is_picture(file: Path) -> bool:
    """Whether this is a file whose name is one of a picture, or a link of such a name to a file that is gone."""
    return file.suffix.lower() in SUFFIXES and (file.is_file() or (file.is_symlink() and not file.exists()))
