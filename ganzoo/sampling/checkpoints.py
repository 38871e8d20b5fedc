"""From what the user calls a checkpoint (a run, a release folder, a name that ships, hf:user/name) to a `Sampler`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from ganzoo.build import blank_player, make_latent, make_loss
from ganzoo.complete import kept
from ganzoo.config import Config
from ganzoo.errors import InputError, unknown
from ganzoo.files import current, digest, read_folder, read_json, refuse_links
from ganzoo.latent import Latent
from ganzoo.sampling.hub import fetch, is_address
from ganzoo.sampling.sampler import Sampler
from ganzoo.training import checkpoint
from ganzoo.training.release import CARD, SCORE
from ganzoo.training.run import Run

FOLDERS = (Path(__file__).parents[1] / "checkpoints", Path(__file__).parents[2] / "checkpoints")
"""Where releases that ship are looked for: in an installed package, then in a checkout."""


def shipped() -> dict[str, Path]:
    """The releases that ship, by name."""
    found: dict[str, Path] = {}
    for folder in FOLDERS:
        for card in sorted(folder.glob("[!.]*/card.json")):  # one that is being written has a dot
            found.setdefault(card.parent.name, card.parent)
    return found


def load(checkpoint_name: str | Path, raw: bool = False) -> Sampler:
    """The generator of a run, of a release folder, of a name that ships (`wgan-gp` means `wgan-gp-mnist`), of hf:user/name.

    `raw` takes the weights of a run's last state instead of their running average. Raises `InputError`.
    """
    folder = find(checkpoint_name)
    if not raw:
        return _from_release(_release_in(folder), folder)
    if (folder / "card.json").is_file():
        raise InputError(f"--raw works on runs: {folder} is a release, which holds the averaged weights only")
    return _from_state(folder)


def release_folder(checkpoint_name: str | Path) -> Path:
    """The release that `load` would read, for copying; raises `InputError` where there is none, or for a link in it."""
    folder = current(_release_in(find(checkpoint_name)))
    if not is_address(checkpoint_name):  # the Hub's library keeps what it fetches as links
        refuse_links(folder)
    return folder


def find(checkpoint_name: str | Path) -> Path:
    """The folder of a run or release; one on the Hub is fetched. Raises `InputError` where there is none."""
    if is_address(checkpoint_name):
        return fetch(str(checkpoint_name))
    folder = Path(checkpoint_name)
    if (folder / "config.json").is_file():
        return folder
    names = shipped()
    found = names.get(str(checkpoint_name)) or names.get(f"{checkpoint_name}-mnist")
    if found is None and folder.exists():
        raise InputError(f"{folder} is neither a run nor a release: it has no config.json")
    if found is None:
        raise unknown("run, release folder or shipped checkpoint", str(checkpoint_name), names)
    return found


def _release_in(folder: Path) -> Path:
    if (folder / "card.json").is_file():
        return folder
    run = Run.open(folder)
    if not (current(run.release) / "card.json").is_file():
        raise InputError(f"{folder} has saved nothing yet; train it first: ganzoo train --resume {folder}")
    return run.release


def _from_release(folder: Path, asked: Path) -> Sampler:
    # A run's own config still says where its data are.
    card, content = read_folder(folder, _verified)
    refuse_card(card, folder / "card.json")
    try:
        weights = load_tensors(content)
    except SafetensorError as error:
        raise InputError(f"{folder / 'generator.safetensors'} is not a safetensors file: {error}") from None
    return _sampler(asked, weights, card)


def refuse_card(card: dict[str, Any], path: Path) -> None:
    """Raise `InputError` for a card that lacks something, or has it in another form than ours have."""
    if lacking := [key for key in CARD if key not in card]:
        raise InputError(f"{path} does not say {', '.join(lacking)}, as the card of a release does")
    wrong = [key for key, kind in CARD.items() if not isinstance(card[key], kind)]
    scores = card.get("scores", [])
    if not isinstance(scores, list) or not all(isinstance(each, dict) and each.keys() >= SCORE for each in scores):
        wrong.append("scores")
    if wrong:
        raise InputError(f"{path} is damaged: {', '.join(wrong)} are not as the card of a release has them")


def _content(folder: Path) -> tuple[dict[str, Any], bytes]:
    try:
        return read_json(folder / "card.json"), (folder / "generator.safetensors").read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {error.filename}: {error.strerror}") from None


def _verified(folder: Path) -> tuple[dict[str, Any], bytes]:
    card, content = _content(folder)
    if digest(content) != card.get("sha256"):
        raise InputError(f"{folder / 'generator.safetensors'} is not the file that its card.json describes (SHA-256)")
    return card, content


def _from_state(folder: Path) -> Sampler:
    states = checkpoint.states(Run.open(folder).states)
    if not states:
        raise InputError(f"{folder} has saved nothing yet; train it first: ganzoo train --resume {folder}")
    tensors, facts = checkpoint.read_state(states[-1])
    return _sampler(folder, checkpoint.part(tensors, "generator"), facts)


def _sampler(folder: Path, weights: dict[str, Tensor], card: dict[str, Any]) -> Sampler:
    config = kept(folder / "config.json", trains=False)
    with warnings.catch_warnings():
        # What the networks warn about was said when they were trained; without a device nothing is copied.
        warnings.simplefilter("ignore", UserWarning)
        latent, generator = _outlined(config, folder / "config.json")
        try:
            generator.load_state_dict(weights)  # so that a wrong size is refused before it takes memory
            generator.to_empty(device="cpu").load_state_dict(weights)  # casts what was stored in half precision
        except RuntimeError:
            raise InputError(
                f"the weights in {folder} do not fit the networks that its config.json describes"
            ) from None
    return Sampler(_asleep(generator), latent, config, card)


def _outlined(config: Config, path: Path) -> tuple[Latent, nn.Module]:
    """What the config in `path` describes, on no device: its tensors have shapes alone."""
    try:
        latent = make_latent(config, make_loss(config))
        with torch.device("meta"):
            return latent, blank_player(config, latent)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (RuntimeError, TypeError):
        raise InputError(f"{path} describes no network that can be built") from None


def _asleep(generator: nn.Module) -> nn.Module:
    return generator.eval().requires_grad_(False)
