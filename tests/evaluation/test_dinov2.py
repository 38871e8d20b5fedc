"""DINOv2 with random weights: torch-fidelity's extractor and timm's network agree with ours; the weights are pinned."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from PIL import Image
from torch import hub
from torch.nn import functional as F
from torch_fidelity.feature_extractor_dinov2 import FeatureExtractorDinoV2

from ganzoo.data import download
from ganzoo.errors import InputError
from ganzoo.evaluation.extractor import find_extractor
from ganzoo.evaluation.extractors import dinov2
from ganzoo.evaluation.extractors.dinov2 import DinoV2Features, resize

WIDTH, DEPTH, GRID = 128, 2, 37


def random_state(width: int = WIDTH, depth: int = DEPTH) -> dict[str, torch.Tensor]:
    """Random weights under the names and in the shapes of the published file."""
    block = {"norm1": (width,), "attn.qkv": (3 * width, width), "attn.proj": (width, width), "norm2": (width,)}
    block |= {"mlp.fc1": (4 * width, width), "mlp.fc2": (width, 4 * width)}
    layers = {f"blocks.{i}.{name}": shape for i in range(depth) for name, shape in block.items()}
    layers |= {"patch_embed.proj": (width, 3, 14, 14), "norm": (width,)}
    shapes = {f"{name}.weight": shape for name, shape in layers.items()}
    shapes |= {f"{name}.bias": shape[:1] for name, shape in layers.items()}
    shapes |= {f"blocks.{i}.ls{k}.gamma": (width,) for i in range(depth) for k in (1, 2)}
    shapes |= {"cls_token": (1, 1, width), "pos_embed": (1, 1 + GRID**2, width), "mask_token": (1, width)}
    g = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=g) / 8 for name, shape in shapes.items()}


@pytest.fixture(autouse=True)
def empty_caches(tmp_path, monkeypatch):
    for name in ("GANZOO_HOME", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))


@pytest.fixture
def pinned(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "mine.pth"
    torch.save(random_state(), path)
    monkeypatch.setitem(download.PINNED, dinov2.FILE, hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def pixels(n: int, size: int) -> torch.Tensor:
    return torch.randint(0, 256, (n, 3, size, size), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def position_table(state: dict[str, torch.Tensor]) -> torch.Tensor:
    """Of 16 x 16 patches, as the published network resizes its 37 x 37: bicubic, by the factor (16 + 0.1) / 37."""
    one, others = state["pos_embed"][:, :1], state["pos_embed"][:, 1:]
    grid = others.reshape(1, GRID, GRID, -1).permute(0, 3, 1, 2)
    small = F.interpolate(grid, scale_factor=((16 + 0.1) / GRID,) * 2, mode="bicubic")
    return torch.cat([one, small.permute(0, 2, 3, 1).reshape(1, 256, -1)], 1)


def test_it_is_torch_fidelity_s_with_the_checked_weights(pinned, monkeypatch):
    """torch-fidelity fetches the network by torch.hub; timm has the same one, with positions for one size of image."""
    timm = pytest.importorskip("timm")
    state = random_state()
    sizes = {"embed_dim": WIDTH, "depth": DEPTH, "num_heads": WIDTH // 64, "img_size": 224, "num_classes": 0}
    network = timm.create_model("vit_small_patch14_dinov2", pretrained=False, **sizes).eval()
    own = {name: value for name, value in state.items() if name != "mask_token"}
    network.load_state_dict(own | {"pos_embed": position_table(state)})
    monkeypatch.setattr(hub, "load", lambda repo, name: network)
    theirs = FeatureExtractorDinoV2("dinov2-vit-l-14", ["dinov2"])
    images = pixels(2, 224)  # of the network's size, because torch-fidelity resizes otherwise than the paper
    extractor = find_extractor(f"dinov2:{pinned}")
    read, (features,) = extractor(images.float() / 127.5 - 1), theirs(images)
    torch.testing.assert_close(read.features, features, atol=1e-5, rtol=1e-5)
    assert (read.features[0] - read.features[1]).abs().max() > 0.005, "a case in which the images matter"
    assert read.features.shape == (2, WIDTH) and read.logits.shape == (2, 0)
    assert (extractor.tag, extractor.slow, extractor.sha256) == ("dinov2", True, download.PINNED[dinov2.FILE])


def test_the_published_file_has_the_weights_of_vit_l():
    """24 blocks of 1,024 channels: 304,368,640 weights, one of them the mask token's 1,024, which is for training."""
    with torch.device("meta"):
        block = sum(p.numel() for p in dinov2.Block(1024).parameters())
    others = 1024 * (3 * 14 * 14 + 1) + 1024 + (1 + GRID**2) * 1024 + 2 * 1024
    assert 24 * block + others + 1024 == 304_368_640
    network = DinoV2Features(random_state())
    assert network.state_dict().keys() == random_state().keys() - {"mask_token"}
    assert len(network.blocks) == DEPTH and not any(p.requires_grad for p in network.parameters())


@pytest.mark.parametrize("size", [32, 64, 300])
def test_pictures_are_resized_as_pillow_does(size):
    """Stein et al. 2023 resize files by Pillow, bicubic; the sums of a few pixels may be rounded otherwise."""
    images = pixels(2, size)
    found = resize(images.float() / 127.5 - 1)
    for image, ours in zip(images, found, strict=True):
        by_pillow = Image.fromarray(image.permute(1, 2, 0).numpy()).resize((224, 224), Image.Resampling.BICUBIC)
        theirs = torch.tensor(list(by_pillow.tobytes())).view(224, 224, 3).permute(2, 0, 1)
        assert (ours - theirs).abs().max() <= 2 and (ours != theirs).float().mean() < 0.01


def test_gray_pictures_too(pinned):
    extractor = find_extractor(f"dinov2:{pinned}")
    gray = pixels(1, 32)[:, :1].float() / 127.5 - 1
    assert torch.equal(extractor(gray).features, extractor(gray.repeat(1, 3, 1, 1)).features)


@pytest.mark.parametrize("place", ["GANZOO_HOME/data", "TORCH_HOME/hub/checkpoints"])
def test_the_weights_are_found_in_the_caches(place, pinned, tmp_path):
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / dinov2.FILE).symlink_to(pinned)
    assert find_extractor("dinov2").sha256 == download.PINNED[dinov2.FILE]


def test_they_are_fetched_and_kept(pinned, tmp_path, monkeypatch):
    assert dinov2.ADDRESS.endswith(f"/{dinov2.FILE}")
    monkeypatch.setattr(dinov2, "ADDRESS", pinned.as_uri())
    assert find_extractor("dinov2").sha256 == download.PINNED[dinov2.FILE]
    assert [path.name for path in (tmp_path / "GANZOO_HOME/data").iterdir()] == [dinov2.FILE]


def test_without_them_one_line_says_where_to_put_them(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise URLError("nobody answers")

    monkeypatch.setattr(hub, "download_url_to_file", offline)
    with pytest.raises(InputError) as error:
        find_extractor("dinov2")
    line = str(error.value)
    assert line.startswith("cannot get the extractor 'dinov2'") and "nobody answers" in line and "\n" not in line
    assert line.endswith(f"put {dinov2.ADDRESS} into {tmp_path / 'GANZOO_HOME' / 'data'}")
    with pytest.raises(InputError, match=rf"the extractor 'dinov2' needs the file {tmp_path / 'no.pth'}; download"):
        find_extractor(f"dinov2:{tmp_path / 'no.pth'}")


def test_another_file_is_not_opened(tmp_path):
    torch.save(random_state(), tmp_path / dinov2.FILE)
    with pytest.raises(InputError, match="not the published file"):
        find_extractor(f"dinov2:{tmp_path / dinov2.FILE}")
