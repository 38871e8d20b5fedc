"""Loading a checkpoint (run, release folder, bundled name, hf:user/name) as a `Sampler`; downloads from the Hub."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.atomic_io import check_no_links, current_folder, read_bytes, read_folder, sha256_hex
from ganzoo.builder import build_uninitialized_generator, make_latent, make_loss
from ganzoo.config.resolve import load_config
from ganzoo.config.schema import ResolvedConfig
from ganzoo.errors import DamagedFile, InputError, first_line, missing_extra, unknown_name
from ganzoo.json_io import read_table
from ganzoo.latent import Latent
from ganzoo.sampling.sampler import Sampler
from ganzoo.tensor_io import read_tensors, tensor_specs
from ganzoo.torch_state import default_torch_state
from ganzoo.training import checkpoint
from ganzoo.training.release import DISPLAY_FILES, NEIGHBORS_FILE, REQUIRED_FILES, Card
from ganzoo.training.run_dir import RunDir

RELEASE_FOLDERS = (Path(__file__).parents[1] / "checkpoints", Path(__file__).parents[2] / "checkpoints")
"""Folders of the bundled releases: in an installed package, then in a checkout."""


def shipped_releases() -> dict[str, Path]:
    """The bundled releases, by name."""
    found: dict[str, Path] = {}
    for folder in RELEASE_FOLDERS:
        for card in sorted(folder.glob("[!.]*/card.json")):  # a release that is being written starts with a dot
            found.setdefault(card.parent.name, card.parent)
    return found


@default_torch_state()
def load(checkpoint_name: str | Path, raw: bool = False) -> Sampler:
    """Load the generator of a run, release folder, bundled name (`wgan-gp` means `wgan-gp-mnist`) or hf:user/name.

    `raw`: the weights of a run's last training state instead of their moving average. Raises `InputError`.
    """
    folder = find_checkpoint(checkpoint_name)
    if not raw:
        return _from_release(_release_in(folder), folder)
    if (folder / "card.json").is_file():
        raise InputError(f"--no-ema needs a run: {folder} is a release, which holds the averaged weights only")
    return _from_state(folder)


def release_folder(checkpoint_name: str | Path) -> Path:
    """The release folder that `load` would read; raises `InputError` if none exists or it contains a symbolic link."""
    folder = current_folder(_release_in(find_checkpoint(checkpoint_name)))
    if not is_address(checkpoint_name):  # the Hub's library stores downloaded files as links
        check_no_links(folder)
    return folder


def find_checkpoint(checkpoint_name: str | Path) -> Path:
    """The folder of a run or release, downloaded if it is on the Hub; raises `InputError` if there is no such folder."""
    if is_address(checkpoint_name):
        return fetch(str(checkpoint_name))
    folder = Path(checkpoint_name)
    if (folder / "config.json").is_file():
        return folder
    names = shipped_releases()
    found = names.get(str(checkpoint_name)) or names.get(f"{checkpoint_name}-mnist")
    if found is None and folder.exists():
        raise InputError(f"{folder} is neither a run nor a release: it has no config.json")
    if found is None:
        raise unknown_name("run, release folder or shipped checkpoint", str(checkpoint_name), names)
    if own := next(_runs_of(str(checkpoint_name)), None):
        warnings.warn(f"{checkpoint_name} is the bundled release {found.name}; your run is {own}", stacklevel=2)
    return found


def _runs_of(variant: str) -> Iterator[Path]:
    """The run folders of a variant in runs/."""
    for config in sorted(Path("runs").glob(f"{variant}-*/config.json")):
        with suppress(InputError):
            if RunDir(config.parent).config().variant == variant:
                yield config.parent


def _release_in(folder: Path) -> Path:
    if (folder / "card.json").is_file():
        return folder
    run = RunDir.open(folder)
    if not (current_folder(run.release) / "card.json").is_file():
        raise InputError(f"{folder} has saved nothing yet; train it first: ganzoo train --resume {folder}")
    return run.release


def _from_release(folder: Path, asked: Path) -> Sampler:
    sampler = read_folder(folder, _opened)
    if asked == folder:
        return sampler
    data = load_config(asked / "config.json", trains=False).data  # only a run's config keeps the location of its data
    return replace(sampler, config=sampler.config.model_copy(update={"data": data}))


def _opened(folder: Path) -> Sampler:
    card, path = read_table(folder / "card.json", Card), folder / "config.json"
    config = load_config(path, trains=False)  # before the digest, because its error names a wrong key
    if "config_sha256" in card and card["config_sha256"] != sha256_hex(read_bytes(path)):  # older cards lack it
        raise DamagedFile(f"{path} is damaged: its SHA-256 is not the one that card.json states")
    latent, generator = _build_on_meta(config, path)
    expected = tensor_specs(generator.state_dict(), halves=True)
    weights = read_tensors(folder / "generator.safetensors", card["sha256"], expected)
    return Sampler(_filled(generator, weights), latent, config, card)


def _from_state(folder: Path) -> Sampler:
    states = checkpoint.saved_states(RunDir.open(folder).states)
    if not states:
        raise InputError(f"{folder} has saved nothing yet; train it first: ganzoo train --resume {folder}")
    config = load_config(folder / "config.json", trains=False)
    facts = checkpoint.read_state_record(states[-1], config)
    latent, generator = _build_on_meta(config, folder / "config.json")
    file, expected = states[-1] / "state.safetensors", tensor_specs(generator.state_dict())
    weights = read_tensors(file, facts["sha256"], expected, within="generator.")
    return Sampler(_filled(generator, weights), latent, config, facts)


def _build_on_meta(config: ResolvedConfig, path: Path) -> tuple[Latent, nn.Module]:
    """Latent and generator of the config in `path`, on the meta device (shapes without data)."""
    try:
        latent = make_latent(config, make_loss(config))
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # already shown when the run was trained
            return latent, build_uninitialized_generator(config, latent)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except Exception:  # layers raise any type of error for values they cannot handle
        raise InputError(f"{path} describes no network that can be built") from None


def _filled(generator: nn.Module, weights: dict[str, Tensor]) -> nn.Module:
    generator.to_empty(device="cpu").load_state_dict(weights)  # casts weights stored in half precision
    return generator.eval().requires_grad_(False)


PREFIX = "hf:"


def is_address(name: str | Path) -> bool:
    """True if `name` is a repository on the Hub (hf:...)."""
    return str(name).startswith(PREFIX)


def repository_name(address: str) -> str:
    """The user/name of hf:user/name; raises `InputError`."""
    name = address.removeprefix(PREFIX)
    if not is_address(address) or not re.fullmatch(r"[\w.-]+/[\w.-]+", name, re.ASCII):
        raise InputError(f"{address}: expected hf:USER/NAME, as in hf:jane/wgan-gp-mnist")
    return name


def fetch(address: str) -> Path:
    """Download a release from the Hub and return its folder, which is cached: the next call needs no network.

    Files that are not part of a release are not downloaded. Raises `InputError`, in one line, for every failure.
    """
    name, hub = repository_name(address), import_hub()
    with hub_errors(address):
        files = [*REQUIRED_FILES, *DISPLAY_FILES, NEIGHBORS_FILE]
        folder = Path(hub.snapshot_download(name, allow_patterns=files))
    lacking = [file for file in REQUIRED_FILES if not (folder / file).is_file()]
    if lacking:
        raise InputError(f"{address} is not a ganzoo release: it has no {', '.join(lacking)}")
    return folder


def import_hub() -> Any:
    """Import huggingface_hub; raises `InputError` if it is not installed."""
    try:
        return import_module("huggingface_hub")
    except ImportError:
        raise missing_extra("huggingface_hub", "hub", f"{PREFIX}USER/NAME") from None


@contextmanager
def hub_errors(address: str) -> Iterator[None]:
    """Turn any error of a connection to the Hub into one line."""
    try:
        yield
    # Each library below has its own errors, and a malformed answer can raise any type.
    except Exception as error:
        raise InputError(
            f"{address}: {first_line(error)} (a wrong name, no network, or not logged in with 'hf auth login'?)"
        ) from None
