"""A release: the folder that `ganzoo sample` needs, and nothing else of the run."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from ganzoo import __version__
from ganzoo.config import Config
from ganzoo.data.spec import is_path
from ganzoo.errors import InputError
from ganzoo.files import FORMAT, digest, read_json, write_bytes, write_folder, write_json
from ganzoo.training.trainer import Trainer

NEEDED = ("generator.safetensors", "config.json", "card.json")
"""The files that a release is read from."""
CARD: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("variant", "about", "loss", "data", "data_licence", "data_digest", "hardware", "sha256"), str),
    **dict.fromkeys(("steps", "d_steps", "images", "seed"), int),
    **{"seconds": (int, float), "shape": list, "class_names": list, "versions": dict},
}
"""What every card says, and in which form; those that ship say more."""
SCORE = {"name", "value", "spread", "better", "floor", "floor_n", "value_at_floor"}
"""What a score says that is in a card."""
SHOWN = ("card.md", "grid.png", "thumbnails.png")
"""What one that is shared has beside them, for people."""


def write_release(trainer: Trainer, folder: Path, seconds: float) -> None:
    """Write `generator.safetensors` (the averaged G), `config.json` and `card.json`, all at once."""
    content = averaged(trainer)
    card = make_card(trainer.config, trainer.counters(), seconds, digest(content))

    def fill(new: Path) -> None:
        write_bytes(new / "generator.safetensors", content)
        write_json(new / "config.json", shared(trainer.config).model_dump(mode="json"))
        write_json(new / "card.json", card)

    write_folder(folder, fill)


def averaged(trainer: Trainer) -> bytes:
    """Return the averaged G as safetensors."""
    return save({name: value.detach().cpu().contiguous() for name, value in trainer.average.state_dict().items()})


def is_current(trainer: Trainer, folder: Path) -> bool:
    """Return whether the release in `folder` holds the averaged G that `trainer` has now."""
    try:
        return bool(read_json(folder / "card.json").get("sha256") == digest(averaged(trainer)))
    except InputError:
        return False


def shared(config: Config) -> Config:
    """`config` without the user's folders, which are nobody else's business: of a path to data the last part."""
    kind, _, argument = config.data.spec.partition(":")
    if not is_path(config.data.spec):
        return config
    return config.model_copy(update={"data": config.data.model_copy(update={"spec": f"{kind}:{Path(argument).name}"})})


def make_card(config: Config, counters: dict[str, int], seconds: float, sha256: str) -> dict[str, Any]:
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
        "hardware": f"{processor(config.train.device)}, {config.train.threads} threads",
        "versions": {"ganzoo": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "sha256": sha256,
    }


def processor(device: str) -> str:
    """The device, with the name of the GPU or of the CPU."""
    return f"{device}, {torch.cuda.get_device_name(device) if device.startswith('cuda') else cpu()}"


def cpu() -> str:
    """What the system calls its processor, where it tells, else its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), platform.processor() or platform.machine())
