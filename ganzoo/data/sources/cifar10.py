"""CIFAR-10, whose files are pickles: torchvision sees only what `download` unpacked from the pinned archive."""

from __future__ import annotations

from typing import Any, ClassVar

from ganzoo.data import download
from ganzoo.data.cache import ganzoo_home
from ganzoo.data.download import download_errors
from ganzoo.data.source import Split
from ganzoo.data.sources.torchvision_sets import TorchvisionSource

ARCHIVE = "cifar-10-python.tar.gz"


class Cifar10(TorchvisionSource):
    """CIFAR-10: 50,000 and 10,000 pictures of 32 pixels."""

    name = usage = "cifar10"
    size = 32
    licence = "CIFAR-10, Alex Krizhevsky 2009; no licence stated"
    class_names: ClassVar = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    files: ClassVar = {"train": [ARCHIVE], "test": [ARCHIVE]}
    by_hand: ClassVar = [ARCHIVE]

    def opened(self, split: Split) -> Any:
        """From a private copy: an unpacked folder that is already there is never trusted."""
        from torchvision.datasets import CIFAR10
        from torchvision.datasets.utils import download_url

        archive = ganzoo_home() / "data" / ARCHIVE
        if not archive.exists():
            with download_errors(self.name, self.by_hand):
                download_url(CIFAR10.url, archive.parent, ARCHIVE, CIFAR10.tgz_md5)
        with download.unpack_pinned(archive) as folder:
            return CIFAR10(folder, train=split == "train")
