"""The network of the published FID: Inception v3 with the weights of 2015, as torch-fidelity has it.

Its path is tested with random weights only: nobody has run it with the published file here yet.
"""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

from torch import Tensor, hub, nn

from ganzoo.data import home, trusted
from ganzoo.data.download import fetching
from ganzoo.errors import InputError
from ganzoo.evaluation.extractor import EXTRACTORS, Extractor, Read
from ganzoo.evaluation.metrics import fidelity
from ganzoo.pictures import to_uint8

FILE = "weights-inception-2015-12-05-6726825d.pth"
ADDRESS = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}"


class Reader(nn.Module):
    """The pooled features (N, 2048) and the logits without bias (N, 1008), which the Inception score is defined on."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__()
        module = fidelity("feature_extractor_inceptionv3")
        # Its constructor downloads the weights, or opens any file as a pickle; it is handed the checked ones instead.
        with patch.object(module, "load_state_dict_from_url", lambda *_, **__: state):
            self.network = module.FeatureExtractorInceptionV3("inception-v3-compat", ["2048", "logits_unbiased"])

    def forward(self, images: Tensor) -> Read:
        """Of images (N, 3, H, W) in [-1, 1]; resized to 299 pixels as TensorFlow 1 did."""
        return Read(*self.network(to_uint8(images)))


def inception(path: str = "") -> Extractor:
    """The network with the weights in `path`, or else those that `kept` gives; raises `InputError`."""
    fidelity("feature_extractor_inceptionv3")
    file = Path(path) if path else kept()
    if not file.is_file():
        raise InputError(f"the extractor 'inception' needs {file}, which is no file; it is {ADDRESS}")
    return Extractor("inception", Reader(trusted.tensors(file, FILE)), trusted.PINNED[FILE], channels=3, slow=True)


def kept() -> Path:
    """The published file in `GANZOO_HOME/data` or where torch-fidelity keeps it, else downloaded; raises `InputError`."""
    ours, theirs = home() / "data" / FILE, Path(hub.get_dir(), "checkpoints", FILE)
    for file in (ours, theirs):
        if file.is_file():
            return file
    with fetching("the extractor 'inception'", [ADDRESS]):
        ours.parent.mkdir(parents=True, exist_ok=True)
        hub.download_url_to_file(ADDRESS, str(ours), hash_prefix=trusted.PINNED[FILE])
    return ours


EXTRACTORS.add("inception", inception)
