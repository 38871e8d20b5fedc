"""LSUN, read from its LMDB files.

torchvision's class is not used, because it opens a pickle of the keys, by name, from the current folder.
"""

from collections.abc import Iterator
from pathlib import Path

from ganzoo.data.cache import ganzoo_home
from ganzoo.data.download import require_format
from ganzoo.data.source import Source, Split, files_fingerprint
from ganzoo.data.transform import Pictures
from ganzoo.errors import InputError, unknown_name

CATEGORIES = (
    "bedroom",
    "bridge",
    "church_outdoor",
    "classroom",
    "conference_room",
    "dining_room",
    "kitchen",
    "living_room",
    "restaurant",
    "tower",
)


class Lsun(Source):
    """One category of LSUN's scenes, by default `bedroom`; its validation images are the test split."""

    name = "lsun"
    usage = "lsun[:CATEGORY]"
    licence = "LSUN, Yu et al. 2015; no licence stated"

    def __init__(self, argument: str) -> None:
        super().__init__(argument or "bedroom")
        if self.argument not in CATEGORIES:
            raise unknown_name("LSUN category", self.argument, CATEGORIES)

    @property
    def title(self) -> str:
        """The name with the category."""
        return f"lsun-{self.argument}"

    def fingerprint(self, split: Split) -> str:
        """Fingerprint of the database file; raises `InputError` with the expected path if it is missing."""
        return files_fingerprint([self._folder(split) / "data.mdb"])

    def pictures(self, split: Split) -> Pictures:
        """The image files in the database, undecoded."""
        require_format("lmdb", "data 'lsun'")
        import lmdb

        folder = self._folder(split)
        with lmdb.open(str(folder), readonly=True, lock=False) as database:
            count = database.stat()["entries"]
        return Pictures(count, each(folder), [])

    def _folder(self, split: Split) -> Path:
        name = f"{self.argument}_{'train' if split == 'train' else 'val'}_lmdb"
        folder = ganzoo_home() / "data" / name
        if not (folder / "data.mdb").exists():
            source = f"http://dl.yf.io/lsun/scenes/{name}.zip"
            raise InputError(f"lsun is missing: download and unzip {source}, so that {folder / 'data.mdb'} exists")
        return folder


def each(folder: Path) -> Iterator[tuple[bytes, int]]:
    """The content of every image file in the database, in the order of keys."""
    import lmdb

    with lmdb.open(str(folder), readonly=True, lock=False) as database, database.begin() as transaction:
        for content in transaction.cursor().iternext(keys=False):
            yield content, -1
