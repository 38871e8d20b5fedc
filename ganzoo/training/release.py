"""Releases: folders with the weights, config and card that `ganzoo sample` needs; the sample grid of a run or release."""

import platform
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from safetensors.torch import save
from torch import Tensor, nn

from ganzoo import __version__
from ganzoo.atomic_io import FORMAT, read_bytes, sha256_hex, write_bytes, write_folder, write_json
from ganzoo.config.schema import DatasetInfo, ResolvedConfig
from ganzoo.data.source import is_path
from ganzoo.data.sources.mixtures import mode_circles
from ganzoo.errors import InputError
from ganzoo.evaluation.score import ScoreRecord
from ganzoo.image_io import draw_sheet, encode, to_pil
from ganzoo.json_io import Count, FileSchema, Finite, Shape, read_table
from ganzoo.latent import Latent, draw_images, draw_inputs
from ganzoo.terminal import counted
from ganzoo.training.trainer import Trainer

REQUIRED_FILES = ("generator.safetensors", "config.json", "card.json")
"""The files needed to read a release."""
DISPLAY_FILES = ("card.md", "grid.png", "thumbnails.png")
"""Optional human-readable files of a published release."""
NEIGHBORS_FILE = "neighbors.png"
"""Optional: samples next to their nearest training images (`ganzoo evaluate --save --neighbours`)."""


class Card(FileSchema):
    """Schema of `card.json`. The keys with a default are filled in only for the bundled releases."""

    variant: str
    about: str
    loss: str
    data: str
    data_licence: str
    data_digest: str
    shape: Shape
    class_names: list[str]
    steps: Count
    d_steps: Count
    images: Count
    seconds: Finite
    seed: Annotated[int, Field(ge=0)]
    hardware: str
    versions: dict[str, str]
    sha256: str
    storage: str = "float32"
    scores: list[ScoreRecord] = Field(default_factory=list)
    neighbors: bool = False
    """True if the release has `NEIGHBORS_FILE`."""
    class_shares: dict[str, Finite] = Field(default_factory=dict)
    classes: list[str] = Field(default_factory=list)
    licence: str = ""
    faults: str = ""
    remarks: str = ""
    chosen: str = ""
    departs: str = ""


def write_release(trainer: Trainer, folder: Path, seconds: float) -> None:
    """Write `generator.safetensors` (the moving average of G), `config.json` and `card.json`, as one atomic operation."""
    content = averaged_weights(trainer)
    card = make_card(trainer.config, trainer.counters(), seconds, sha256_hex(content))

    def fill(new: Path) -> None:
        write_bytes(new / "generator.safetensors", content)
        write_json(new / "config.json", without_user_paths(trainer.config).model_dump(mode="json"))
        write_json(new / "card.json", card | config_digest(new))

    write_folder(folder, fill)


def config_digest(folder: Path) -> dict[str, str]:
    """The card's entry with the SHA-256 of the config.json in `folder`."""
    return {"config_sha256": sha256_hex(read_bytes(folder / "config.json"))}


def averaged_weights(trainer: Trainer) -> bytes:
    """The weights of G's moving average, as safetensors."""
    return save({name: value.detach().cpu().contiguous() for name, value in trainer.average.state_dict().items()})


def is_current(trainer: Trainer, folder: Path) -> bool:
    """True if the release in `folder` holds the current moving average of `trainer`'s G."""
    try:
        return bool(read_table(folder / "card.json", Card)["sha256"] == sha256_hex(averaged_weights(trainer)))
    except InputError:
        return False


def without_user_paths(config: ResolvedConfig) -> ResolvedConfig:
    """`config` with a data path shortened to its last part, because the user's folders are private."""
    kind, _, argument = config.data.spec.partition(":")
    if not is_path(config.data.spec):
        return config
    return config.model_copy(update={"data": config.data.model_copy(update={"spec": f"{kind}:{Path(argument).name}"})})


def make_card(config: ResolvedConfig, counters: dict[str, int], seconds: float, sha256: str) -> dict[str, Any]:
    """The content of `card.json`, except the digest of the config."""
    facts = config.dataset
    return {
        "format": FORMAT,
        "variant": config.variant,
        "about": config.about,
        "loss": config.loss["name"],
        "data": facts.name,
        "data_licence": facts.licence,
        "data_digest": facts.digest,
        "shape": facts.shape,
        "class_names": facts.class_names,
        "steps": counters["step"],
        "d_steps": counters["d_steps"],
        "images": counters["images"],
        "seconds": round(seconds, 1),
        "seed": config.seed,
        "hardware": f"{device_name(config.train.device)}, {counted(config.train.threads, 'thread')}",
        "versions": {"ganzoo": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "sha256": sha256,
    }


def device_name(device: str) -> str:
    """The device and the model name of its GPU or CPU."""
    return f"{device}, {torch.cuda.get_device_name(device) if device.startswith('cuda') else cpu_name()}"


def cpu_name() -> str:
    """The CPU's model name; its architecture if the system does not report a name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), platform.processor() or platform.machine())


ROWS = 8
COLUMNS = 8
CLASSES = 10  # largest number of columns, for a conditional G
POINTS = 512  # samples, for two-dimensional data


def write_sample_grid(trainer: Trainer, folder: Path) -> None:
    """Write the sample grid of G's moving average to `folder`/<step>.png."""
    picture = sample_grid(trainer.average, trainer.game.latent, trainer.config.dataset)
    folder.mkdir(exist_ok=True)  # without parents: do not create a deleted run again
    write_bytes(grid_file(trainer, folder), encode(to_pil(picture)))


def grid_file(trainer: Trainer, folder: Path) -> Path:
    """The path of the current step's sample grid."""
    return folder / f"{trainer.step:08d}.png"


def sample_grid(generator: nn.Module, latent: Latent, data: DatasetInfo) -> Tensor:
    """Image (C, H, W) of seeds 0, 1, 2, ...: eight rows of samples, one class per column if G is conditional.

    Points are drawn over the modes of their distribution, if known. `generator` must be in eval mode.
    """
    classes = min(latent.classes, CLASSES)
    columns = classes or COLUMNS
    seeds = range(POINTS if data.is_points else ROWS * columns)
    labels = torch.arange(len(seeds)) % classes if classes else None
    images = draw_images(generator, draw_inputs(latent, seeds, labels), seeds)
    return draw_sheet(images, columns, mode_circles(data.name, data.class_names))
