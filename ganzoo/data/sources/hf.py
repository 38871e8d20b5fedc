"""Data sets of the Hugging Face Hub."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganzoo.data.source import Source, Split, files_fingerprint
from ganzoo.data.transform import Picture, Pictures
from ganzoo.errors import InputError, first_line, missing_extra


class HuggingFace(Source):
    """A data set of the Hugging Face Hub: its first column of images and, if present, its first column of class labels."""

    name = "hf"
    usage = "hf:NAME"

    @property
    def title(self) -> str:
        """The name without its owner."""
        return self.argument.rpartition("/")[2]

    def fingerprint(self, split: Split) -> str:
        """The name of the set and the files of the Hub's cache, whose names change with their content; none in memory."""
        rows = self._rows(split)
        files = files_fingerprint(Path(file["filename"]) for file in rows.cache_files)
        return f"{self.argument} {rows._fingerprint} {files}"

    def pictures(self, split: Split) -> Pictures:
        """The image and label of every row; raises `InputError` if no column holds images."""
        import datasets

        rows = self._rows(split)
        image, label = column(rows, datasets.Image), column(rows, datasets.ClassLabel)
        if image is None:
            raise InputError(f"hf:{self.argument} has no column of images, only {', '.join(rows.features)}")
        # Undecoded, so that an image is decoded once, in this package, and an unreadable one can be skipped.
        rows = rows.cast_column(image, datasets.Image(decode=False))
        return Pictures(len(rows), each(rows, image, label), rows.features[label].names if label else [])

    def _rows(self, split: Split) -> Any:
        try:
            import datasets
        except ImportError:
            raise missing_extra("datasets", "hf", f"data 'hf:{self.argument}'") from None
        try:
            return datasets.load_dataset(self.argument, split=split)
        # No network, an unknown set or split, a broken file: each library below raises its own errors.
        except Exception as error:
            raise InputError(f"cannot get hf:{self.argument}, split {split} ({first_line(error, -1)})") from error


def column(rows: Any, kind: type) -> str | None:
    """The name of the first column of type `kind`; None if no column has it."""
    return next((name for name, feature in rows.features.items() if isinstance(feature, kind)), None)


def each(rows: Any, image: str, label: str | None) -> Iterator[tuple[Picture, int]]:
    """Image and label of every row; a missing label is -1, a missing image is empty bytes (unreadable)."""
    for row in rows:
        file, index = row[image] or {}, row[label] if label else None
        path = file.get("path")
        yield file.get("bytes") or (Path(path) if path else b""), -1 if index is None else index
