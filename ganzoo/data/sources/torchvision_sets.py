"""Published data sets that torchvision downloads and parses: MNIST, Fashion-MNIST, SVHN, STL-10, CelebA, CIFAR-10."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from ganzoo.data import download
from ganzoo.data.cache import ganzoo_home
from ganzoo.data.download import download_errors, require_format
from ganzoo.data.source import Source, Split, files_fingerprint
from ganzoo.data.sources.digits import DIGITS
from ganzoo.data.transform import Picture, Pictures
from ganzoo.errors import InputError


class TorchvisionSource(Source):
    """A class of `torchvision.datasets` with `ganzoo_home()/data` as its root."""

    factory: ClassVar[str]
    files: ClassVar[dict[str, list[str]]]
    """Split -> required paths below the root; their sizes and times show changes of the data."""
    by_hand: ClassVar[list[str]]
    """Files to put below the root if no download is possible."""
    class_names: ClassVar[list[str]]

    def fingerprint(self, split: Split) -> str:
        """Digest of the files' sizes and times; missing files are downloaded first."""
        files = [ganzoo_home() / "data" / file for file in self.files[split]]
        if not all(file.exists() for file in files):
            self.opened(split)
        return files_fingerprint(files)

    def pictures(self, split: Split) -> Pictures:
        """The images that torchvision parses; raises `InputError` that names missing files and their folder."""
        data = self.opened(split)
        return Pictures(len(data), self.each(data), self.class_names)

    def opened(self, split: Split) -> Any:
        """The torchvision data set, downloaded if necessary; raises `InputError`."""
        from torchvision import datasets

        self.check()
        with download_errors(self.name, self.by_hand):
            return getattr(datasets, self.factory)(ganzoo_home() / "data", **self.chosen(split), download=True)

    def check(self) -> None:
        """Raise `InputError` if a requirement of torchvision is missing."""

    def chosen(self, split: Split) -> dict[str, Any]:
        """The keyword argument for the split."""
        return {"split": split}

    def each(self, data: Any) -> Iterable[tuple[Picture, int]]:
        """Images and labels of the torchvision data set."""
        return (data[i] for i in range(len(data)))


def idx(folder: str) -> dict[str, list[str]]:
    """The files, by split, of a data set in MNIST's format."""
    prefixes = {"train": "train", "test": "t10k"}
    kinds = ("images-idx3-ubyte", "labels-idx1-ubyte")
    return {split: [f"{folder}/raw/{prefix}-{kind}" for kind in kinds] for split, prefix in prefixes.items()}


class Mnist(TorchvisionSource):
    """MNIST: 60,000 and 10,000 digits."""

    name = usage = "mnist"
    factory = "MNIST"
    size, channels, pad = 32, 1, True
    licence = "MNIST, Yann LeCun and Corinna Cortes, CC BY-SA 3.0"
    class_names = DIGITS
    files = idx("MNIST")
    by_hand = files["train"] + files["test"]

    def check(self) -> None:
        """Raise `InputError` for pickles of early torchvision versions, which torchvision would prefer."""
        old = ganzoo_home() / "data" / self.factory / "processed"
        if old.exists():
            raise InputError(f"{old} holds pickles of an old torchvision, which are not opened; delete it")

    def chosen(self, split: Split) -> dict[str, Any]:
        """The keyword argument for the split, a flag for this data set."""
        return {"train": split == "train"}


class FashionMnist(Mnist):
    """Fashion-MNIST: 60,000 and 10,000 images of clothes."""

    name = usage = "fashion-mnist"
    factory = "FashionMNIST"
    licence = "Fashion-MNIST, Zalando SE, MIT"
    class_names: ClassVar = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ]
    files = idx("FashionMNIST")
    by_hand = files["train"] + files["test"]


class Svhn(TorchvisionSource):
    """Street View House Numbers: 73,257 and 26,032 digits."""

    name = usage = "svhn"
    factory = "SVHN"
    size = 32
    licence = "SVHN, Netzer et al. 2011, for non-commercial use"
    class_names = DIGITS
    files: ClassVar = {"train": ["train_32x32.mat"], "test": ["test_32x32.mat"]}
    by_hand: ClassVar = ["train_32x32.mat", "test_32x32.mat"]

    def check(self) -> None:
        """Raise `InputError` if scipy, which reads the MATLAB files, is missing."""
        require_format("scipy", "data 'svhn'")


class Stl10(TorchvisionSource):
    """STL-10: 5,000 and 8,000 labeled images of 96 pixels."""

    name = usage = "stl10"
    factory = "STL10"
    licence = "STL-10, Coates et al. 2011, from ImageNet; no licence stated"
    class_names: ClassVar = ["airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"]
    files: ClassVar = {split: [f"stl10_binary/{split}_X.bin", f"stl10_binary/{split}_y.bin"] for split in Source.splits}
    by_hand: ClassVar = ["stl10_binary.tar.gz"]


class CelebA(TorchvisionSource):
    """CelebA, aligned and cropped: 162,770 and 19,962 faces. Its 40 attributes overlap, so there are no classes."""

    name = usage = "celeba"
    factory = "CelebA"
    licence = "CelebA, Liu et al. 2015, for non-commercial research"
    class_names: ClassVar = []
    files: ClassVar = {split: ["celeba/img_align_celeba", "celeba/list_eval_partition.txt"] for split in Source.splits}
    by_hand: ClassVar = [
        "celeba/img_align_celeba/ (unzipped)",
        "celeba/list_*.txt",
        "celeba/identity_CelebA.txt",
    ]

    def check(self) -> None:
        """Raise `InputError` if gdown, which downloads from Google Drive, is needed and missing."""
        if not (ganzoo_home() / "data" / "celeba" / "img_align_celeba").exists():
            require_format("gdown", "the download of data 'celeba'")

    def each(self, data: Any) -> Iterable[tuple[Picture, int]]:
        """Paths of the images instead of decoded ones, so that an error names the file."""
        folder = Path(data.root, data.base_folder, "img_align_celeba")
        return ((folder / name, -1) for name in data.filename)


ARCHIVE = "cifar-10-python.tar.gz"


class Cifar10(TorchvisionSource):
    """CIFAR-10: 50,000 and 10,000 images of 32 pixels."""

    name = usage = "cifar10"
    size = 32
    licence = "CIFAR-10, Alex Krizhevsky 2009; no licence stated"
    class_names: ClassVar = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    files: ClassVar = {"train": [ARCHIVE], "test": [ARCHIVE]}
    by_hand: ClassVar = [ARCHIVE]

    def opened(self, split: Split) -> Any:
        """The data set from a temporary copy of the pinned archive of pickles; an unpacked folder is never trusted."""
        from torchvision.datasets import CIFAR10
        from torchvision.datasets.utils import download_url

        archive = ganzoo_home() / "data" / ARCHIVE
        if not archive.exists():
            with download_errors(self.name, self.by_hand):
                download_url(CIFAR10.url, archive.parent, ARCHIVE, CIFAR10.tgz_md5)
        with download.unpack_pinned(archive) as folder:
            return CIFAR10(folder, train=split == "train")
