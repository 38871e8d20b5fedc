"""Counts over the images of a data set: sizes, duplicates, images that are small, nearly black or gray, cropped area."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ganzoo.data.dataset import Dataset

NEARLY_BLACK = 20
"""Largest value, of 255, of a nearly black image: 12 bits stored in 16 reach 16, and resizing overshoots a little."""
GRAY = 2  # largest difference of channels in a gray image, which JPEG may cause
SMALL = 2  # times, at least, that a small image is enlarged
LEAST_CROP = 0.01  # share of the average image whose loss is worth a line


@dataclass(frozen=True)
class Summary:
    """Counts over the `count` different images of a data set."""

    count: int
    shape: tuple[int, int, int]
    """(C, H, W) of a prepared image."""
    median: tuple[int, int]
    """(width, height), in its file, of the image with the median area."""
    smallest: tuple[int, int]
    largest: tuple[int, int]
    duplicates: int
    """Images whose prepared pixels equal those of an earlier one."""
    small: int
    """Images that were enlarged at least twice."""
    nearly_black: int
    gray: int
    """Images without color, in a data set of three channels."""
    removed: float
    """Share of the average image that the center crop removes, in [0, 1]."""

    def notes(self) -> Iterator[str]:
        """A line for each property that harms training, with its count and a remedy."""
        total = f"of {self.count:,} images"
        if self.small:
            size = f"half of data.size={self.shape[1]} or less (the smallest: {self.smallest[0]} x {self.smallest[1]})"
            yield f"{self.small:,} {total}: {size}, so blurred when enlarged; lower data.size, or remove them"
        if self.nearly_black:
            cause = "as 12 bits stored in 16 and masks of 0 and 1 are"
            yield f"{self.nearly_black:,} {total}: nearly black, {cause}; scale them to the full range"
        if self.gray:
            remedy = "saves time" if self.gray == self.count else "makes all gray"
            yield f"{self.gray:,} {total}: gray in a run of three channels; data.channels=1 {remedy}"
        if self.removed >= LEAST_CROP:
            yield f"center crop removes {100 * self.removed:.0f} % of the average image; data.crop=pad keeps all"


def summarize(dataset: Dataset) -> Summary | None:
    """The summary of a data set's images, each counted once.

    None without facts of its files: for points, data from Python, and an entry of the cache that an earlier version wrote.
    """
    if dataset.facts is None:
        return None
    width, height, brightest, spread, content = dataset.facts.table[np.unique(dataset.rows)].T
    by_area = np.argsort(width * height, kind="stable")
    median, smallest, largest = ((int(width[i]), int(height[i])) for i in by_area[[(len(by_area) - 1) // 2, 0, -1]])
    padded, longer = dataset.facts.crop == "pad", np.maximum(width, height)
    kept = longer if padded else np.minimum(width, height)
    return Summary(
        len(width),
        dataset.shape,
        median,
        smallest,
        largest,
        duplicates=len(width) - len(np.unique(content)),
        small=int((kept * SMALL <= dataset.shape[1]).sum()),
        nearly_black=int((brightest <= NEARLY_BLACK).sum()),
        gray=int((spread <= GRAY).sum()) if dataset.shape[0] == 3 else 0,
        removed=float((1 - kept / longer).mean()),
    )


def image_notes(dataset: Dataset) -> list[str]:
    """The notes of the data set's summary; empty without facts."""
    summary = summarize(dataset)
    return [] if summary is None else list(summary.notes())
