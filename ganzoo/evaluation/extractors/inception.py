"""Inception v3 of the published FID, with the weights of 2015, as implemented by torch-fidelity.

Tested with random weights only; not yet run with the published file.
"""

from unittest.mock import patch

from torch import Tensor, nn

from ganzoo.data import download
from ganzoo.evaluation.extractor import EXTRACTORS, Extractor, ExtractorOutput
from ganzoo.evaluation.metrics import import_torch_fidelity
from ganzoo.image_io import to_uint8

FILE = "weights-inception-2015-12-05-6726825d.pth"
ADDRESS = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}"


class InceptionFeatures(nn.Module):
    """Pooled features (N, 2048) and logits without bias (N, 1008), from which the Inception score is computed."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__()
        module = import_torch_fidelity("feature_extractor_inceptionv3")
        # The constructor downloads the weights or opens any file as a pickle; the patch passes the checked weights instead.
        with patch.object(module, "load_state_dict_from_url", lambda *_, **__: state):
            self.network = module.FeatureExtractorInceptionV3("inception-v3-compat", ["2048", "logits_unbiased"])

    def forward(self, images: Tensor) -> ExtractorOutput:
        """Features and logits of images (N, 3, H, W) in [-1, 1], resized to 299 pixels as in TensorFlow 1."""
        return ExtractorOutput(*self.network(to_uint8(images)))


def inception(path: str = "") -> Extractor:
    """Inception v3 of the published FID, as implemented by torch-fidelity.

    The weights come from `path` or, by default, from a cache or a download; raises `InputError`.
    """
    import_torch_fidelity("feature_extractor_inceptionv3")
    file = download.find_pinned("the extractor 'inception'", FILE, ADDRESS, path)
    return Extractor(
        "inception",
        InceptionFeatures(download.load_pinned_tensors(file, FILE)),
        download.PINNED[FILE],
        channels=3,
        slow=True,
    )


EXTRACTORS.add("inception", inception)
