"""DINOv2 ViT-L/14 (Apache-2.0), the features that Stein et al. 2023 (arXiv:2306.04675) compare generators by.

The network of Oquab et al. 2023, "DINOv2: Learning Robust Visual Features without Supervision", arXiv:2304.07193. Tested with
random weights only; not yet run with the published file.
"""

import math
from collections import OrderedDict

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.data import download
from ganzoo.evaluation.extractor import EXTRACTORS, Extractor, ExtractorOutput
from ganzoo.image_io import to_uint8

FILE = "dinov2_vitl14_pretrain.pth"
ADDRESS = f"https://dl.fbaipublicfiles.com/dinov2/dinov2_vitl14/{FILE}"
SIZE, PATCH = 224, 14  # pixels
HEAD = 64  # channels of an attention head, in every DINOv2
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, for gray levels in [0, 1]


class Attention(nn.Module):
    """Self-attention over tokens (N, T, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(N, T, width) -> (N, T, width)."""
        q, k, v = rearrange(self.qkv(tokens), "n t (three h d) -> three n h t d", three=3, d=HEAD)
        mixed = rearrange(F.scaled_dot_product_attention(q, k, v), "n h t d -> n t (h d)")
        projected: Tensor = self.proj(mixed)
        return projected


class Block(nn.Module):
    """Attention and a two-layer network, each normalized before, scaled per channel after, and added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.attn = Attention(width)
        self.ls1, self.ls2 = (nn.ParameterDict({"gamma": torch.ones(width)}) for _ in range(2))
        layers = {"fc1": nn.Linear(width, 4 * width), "gelu": nn.GELU(), "fc2": nn.Linear(4 * width, width)}
        self.mlp = nn.Sequential(OrderedDict(layers))

    def forward(self, tokens: Tensor) -> Tensor:
        """(N, T, width) -> (N, T, width)."""
        tokens = tokens + self.attn(self.norm1(tokens)) * self.ls1["gamma"]
        mixed: Tensor = tokens + self.mlp(self.norm2(tokens)) * self.ls2["gamma"]
        return mixed


class DinoV2Features(nn.Module):
    """The normalized CLS token (N, width); its parameters have the names of the published file, `state`.

    Width, depth and number of positions are those of `state`.
    """

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__()
        _, positions, width = state["pos_embed"].shape
        depth = len({name.split(".")[1] for name in state if name.startswith("blocks.")})
        with torch.device("meta"):  # the tensors of `state` become the parameters, without a copy of 1.2 GB
            self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, PATCH, PATCH)})
            self.cls_token = nn.Parameter(torch.empty(1, 1, width))
            self.pos_embed = nn.Parameter(torch.empty(1, positions, width))
            self.blocks = nn.Sequential(*(Block(width) for _ in range(depth)))
            self.norm = nn.LayerNorm(width, eps=1e-6)
        # The mask token is for training only.
        self.load_state_dict({name: value for name, value in state.items() if name != "mask_token"}, assign=True)
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> ExtractorOutput:
        """Features of images (N, 3, H, W) in [-1, 1]; there are no logits."""
        patches = rearrange(self.patch_embed["proj"](normalize(resize(images))), "n c h w -> n (h w) c")
        tokens = torch.cat([self.cls_token.expand(len(images), -1, -1), patches], 1) + self.positions()
        features = self.norm(self.blocks(tokens))[:, 0]
        return ExtractorOutput(features, features.new_zeros(len(images), 0))

    def positions(self) -> Tensor:
        """Position embeddings (1, 1 + patches, width), from the grid of the training size to that of `SIZE`.

        The published network asks for 0.1 more patches than there are, which shifts the grid slightly.
        """
        one, others = self.pos_embed[:, :1], self.pos_embed[:, 1:]
        side, wanted = math.isqrt(others.shape[1]), SIZE // PATCH
        table = rearrange(others, "n (h w) c -> n c h w", h=side)
        scale = (wanted + 0.1) / side
        table = F.interpolate(table, scale_factor=(scale, scale), mode="bicubic")
        return torch.cat([one, rearrange(table, "n c h w -> n (h w) c")], 1)


def resize(images: Tensor) -> Tensor:
    """Images (N, 3, H, W) in [-1, 1] as gray levels 0 to 255 of `SIZE` pixels, bicubic.

    Like Pillow, which Stein et al. use: first the width, then the height, each rounded to whole levels.
    """
    levels = to_uint8(images).float()
    for size in ((levels.shape[2], SIZE), (SIZE, SIZE)):
        levels = F.interpolate(levels, size, mode="bicubic", antialias=True).round().clamp(0, 255)
    return levels


def normalize(levels: Tensor) -> Tensor:
    """Gray levels 0 to 255 with the mean and standard deviation of ImageNet's."""
    mean, deviation = (levels.new_tensor(each).view(1, 3, 1, 1) for each in (MEAN, DEVIATION))
    return (levels / 255 - mean) / deviation


def dinov2(path: str = "") -> Extractor:
    """DINOv2 ViT-L/14: CLS token of images of 224 pixels, bicubic (Stein et al. 2023).

    The weights come from `path` or, by default, from a cache or a download; raises `InputError`.
    """
    file = download.find_pinned("the extractor 'dinov2'", FILE, ADDRESS, path)
    network = DinoV2Features(download.load_pinned_tensors(file, FILE))
    return Extractor("dinov2", network, download.PINNED[FILE], channels=3, slow=True)


EXTRACTORS.add("dinov2", dinov2)
