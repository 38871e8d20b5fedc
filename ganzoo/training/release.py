"""A release: the folder that `ganzoo sample` needs, and nothing else of the run."""

import platform
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from safetensors.torch import save

from ganzoo import __version__
from ganzoo.atomic_io import FORMAT, read_bytes, sha256_hex, write_bytes, write_folder, write_json
from ganzoo.config.schema import ResolvedConfig
from ganzoo.data.source import is_path
from ganzoo.errors import InputError
from ganzoo.evaluation.score import ScoreRecord
from ganzoo.json_io import Count, FileSchema, Finite, Shape, read_table
from ganzoo.training.trainer import Trainer

REQUIRED_FILES = ("generator.safetensors", "config.json", "card.json")
"""The files that a release is read from."""
DISPLAY_FILES = ("card.md", "grid.png", "thumbnails.png")
"""What one that is shared has beside them, for people."""


class Card(FileSchema):
    """`card.json`: what a release says of itself; what has a default only those say that ship."""

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
    class_shares: dict[str, Finite] = Field(default_factory=dict)
    classes: list[str] = Field(default_factory=list)
    licence: str = ""
    faults: str = ""
    remarks: str = ""
    chosen: str = ""
    departs: str = ""


def write_release(trainer: Trainer, folder: Path, seconds: float) -> None:
    """Write `generator.safetensors` (the averaged G), `config.json` and `card.json`, all at once."""
    content = averaged_weights(trainer)
    card = make_card(trainer.config, trainer.counters(), seconds, sha256_hex(content))

    def fill(new: Path) -> None:
        write_bytes(new / "generator.safetensors", content)
        write_json(new / "config.json", without_user_paths(trainer.config).model_dump(mode="json"))
        write_json(new / "card.json", card | config_digest(new))

    write_folder(folder, fill)


def config_digest(folder: Path) -> dict[str, str]:
    """The key of a card that states the SHA-256 of the config.json in `folder`."""
    return {"config_sha256": sha256_hex(read_bytes(folder / "config.json"))}


def averaged_weights(trainer: Trainer) -> bytes:
    """Return the averaged G as safetensors."""
    return save({name: value.detach().cpu().contiguous() for name, value in trainer.average.state_dict().items()})


def is_current(trainer: Trainer, folder: Path) -> bool:
    """Return whether the release in `folder` holds the averaged G that `trainer` has now."""
    try:
        return bool(read_table(folder / "card.json", Card)["sha256"] == sha256_hex(averaged_weights(trainer)))
    except InputError:
        return False


def without_user_paths(config: ResolvedConfig) -> ResolvedConfig:
    """`config` without the user's folders, which are nobody else's business: of a path to data the last part."""
    kind, _, argument = config.data.spec.partition(":")
    if not is_path(config.data.spec):
        return config
    return config.model_copy(update={"data": config.data.model_copy(update={"spec": f"{kind}:{Path(argument).name}"})})


def make_card(config: ResolvedConfig, counters: dict[str, int], seconds: float, sha256: str) -> dict[str, Any]:
    """What a release says of itself."""
    facts = config.dataset
    assert facts is not None, "a trained config is resolved"
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
        "hardware": f"{device_name(config.train.device)}, {config.train.threads} threads",
        "versions": {"ganzoo": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "sha256": sha256,
    }


def device_name(device: str) -> str:
    """The device, with the name of the GPU or of the CPU."""
    return f"{device}, {torch.cuda.get_device_name(device) if device.startswith('cuda') else cpu_name()}"


def cpu_name() -> str:
    """What the system calls its processor, where it tells, else its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), platform.processor() or platform.machine())
