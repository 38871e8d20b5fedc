"""The network of the published FID: Inception v3 with the weights of 2015, as torch-fidelity has it.

Its path is tested with random weights only: nobody has run it with the published file here yet.
"""

from pathlib import Path
from unittest.mock import patch

from torch import Tensor, hub, nn

from ganzoo.data import download, ganzoo_home
from ganzoo.data.download import download_errors
from ganzoo.errors import InputError
from ganzoo.evaluation.extractor import EXTRACTORS, Extractor, ExtractorOutput
from ganzoo.evaluation.metrics import import_torch_fidelity
from ganzoo.image_io import to_uint8

FILE = "weights-inception-2015-12-05-6726825d.pth"
ADDRESS = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}"


class InceptionFeatures(nn.Module):
    """The pooled features (N, 2048) and the logits without bias (N, 1008), which the Inception score is defined on."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__()
        module = import_torch_fidelity("feature_extractor_inceptionv3")
        # Its constructor downloads the weights, or opens any file as a pickle; it is handed the checked ones instead.
        with patch.object(module, "load_state_dict_from_url", lambda *_, **__: state):
            self.network = module.FeatureExtractorInceptionV3("inception-v3-compat", ["2048", "logits_unbiased"])

    def forward(self, images: Tensor) -> ExtractorOutput:
        """Of images (N, 3, H, W) in [-1, 1]; resized to 299 pixels as TensorFlow 1 did."""
        return ExtractorOutput(*self.network(to_uint8(images)))


def inception(path: str = "") -> Extractor:
    """Inception v3 of the published FID, as torch-fidelity has it.

    Its weights are in `path`, or else those that `find_weights` gives; raises `InputError`.
    """
    import_torch_fidelity("feature_extractor_inceptionv3")
    file = Path(path) if path else find_weights()
    if not file.is_file():
        raise InputError(f"the extractor 'inception' needs {file}, which is no file; it is {ADDRESS}")
    return Extractor(
        "inception",
        InceptionFeatures(download.load_pinned_tensors(file, FILE)),
        download.PINNED[FILE],
        channels=3,
        slow=True,
    )


def find_weights() -> Path:
    """The published file in `GANZOO_HOME/data` or where torch-fidelity keeps it, else downloaded; raises `InputError`."""
    ours, theirs = ganzoo_home() / "data" / FILE, Path(hub.get_dir(), "checkpoints", FILE)
    for file in (ours, theirs):
        if file.is_file():
            return file
    with download_errors("the extractor 'inception'", [ADDRESS]):
        ours.parent.mkdir(parents=True, exist_ok=True)
        hub.download_url_to_file(ADDRESS, str(ours), hash_prefix=download.PINNED[FILE])
    return ours


EXTRACTORS.add("inception", inception)
