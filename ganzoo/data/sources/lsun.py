"""LSUN, from its own LMDB files.

Not by torchvision's class: that one opens a pickle of the keys, by name, from whatever folder it is started in.
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
    """One category of LSUN's scenes, `bedroom` if none is named; its validation pictures are the test split."""

    name = "lsun"
    usage = "lsun[:CATEGORY]"
    licence = "LSUN, Yu et al. 2015; no licence stated"

    def __init__(self, argument: str) -> None:
        super().__init__(argument or "bedroom")
        if self.argument not in CATEGORIES:
            raise unknown_name("LSUN category", self.argument, CATEGORIES)

    @property
    def title(self) -> str:
        """With the category."""
        return f"lsun-{self.argument}"

    def fingerprint(self, split: Split) -> str:
        """The database file; raises `InputError` that says where it belongs."""
        return files_fingerprint([self._folder(split) / "data.mdb"])

    def pictures(self, split: Split) -> Pictures:
        """The files in the database, undecoded."""
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
            raise InputError(f"cannot get lsun: unzip {source} so that there is {folder / 'data.mdb'}")
        return folder


def each(folder: Path) -> Iterator[tuple[bytes, int]]:
    """The content of every picture file in the database, in the order of keys."""
    import lmdb

    with lmdb.open(str(folder), readonly=True, lock=False) as database, database.begin() as transaction:
        for content in transaction.cursor().iternext(keys=False):
            yield content, -1
