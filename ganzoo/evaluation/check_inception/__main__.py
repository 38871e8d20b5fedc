"""FID of CIFAR-10's training images against its test images, 10,000 each: 5.19 in Kurach et al. 2019 (arXiv:1807.04720).

Exit code: 0 = reproduced, 1 = another value, 2 = weights or images are missing.
"""

import sys
from argparse import ArgumentParser

from ganzoo import terminal
from ganzoo.data import Dataset, load
from ganzoo.errors import InputError
from ganzoo.evaluation.extractor import find_extractor
from ganzoo.evaluation.features import FeatureReader
from ganzoo.evaluation.metrics import fid

PUBLISHED = 5.19
TOLERANCE = 0.1
"""The training images are a part of 50,000, and the paper does not say which; another part moves FID by some hundredths."""
IMAGES = 10_000


def measure(reader: FeatureReader, train: Dataset, test: Dataset) -> float:
    """FID of at most `IMAGES` of the training images, evenly spaced, against as many test images."""
    return fid(*(reader.data(each.subset(IMAGES)) for each in (train, test)))["fid"].value


def run(extractor: str) -> int:
    """Measure, print one line with the published value, and return the exit code; raises `InputError`."""
    tool = find_extractor(extractor)
    train, test = load("cifar10"), load("cifar10", split="test")
    value = measure(FeatureReader(tool, quiet=False), train, test)
    agrees = abs(value - PUBLISHED) <= TOLERANCE
    verdict = "agrees with" if agrees else "differs from"
    counts = f"{min(IMAGES, len(train)):,} training against {min(IMAGES, len(test)):,} test images"
    terminal.out(f"FID of CIFAR-10, {counts}: {value:.2f}, {verdict} {PUBLISHED} (Kurach et al. 2019)")
    return 0 if agrees else 1


def main(arguments: list[str] | None = None) -> int:
    """Check the extractor `inception` on a machine that has, or can download, its weights and CIFAR-10."""
    parser = ArgumentParser("ganzoo.evaluation.check_inception", description=main.__doc__)
    parser.add_argument("--extractor", default="inception", metavar="inception[:FILE]", help="file of the weights")
    try:
        return run(parser.parse_args(arguments).extractor)
    except InputError as error:
        terminal.err(f"check_inception: {error}")
        return 2


if __name__ == "__main__":
    sys.exit(main())
