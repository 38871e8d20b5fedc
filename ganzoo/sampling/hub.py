"""Releases on the Hugging Face Hub, `hf:user/name`: what is fetched is safetensors, JSON, Markdown and PNG, by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from ganzoo.errors import InputError, first_line, missing_extra
from ganzoo.training.release import DISPLAY_FILES, REQUIRED_FILES

PREFIX = "hf:"


def is_address(name: str | Path) -> bool:
    """Whether `name` means a repository on the Hub."""
    return str(name).startswith(PREFIX)


def repository_name(address: str) -> str:
    """The user/name of hf:user/name; raises `InputError`."""
    name = address.removeprefix(PREFIX)
    if not is_address(address) or not re.fullmatch(r"[\w.-]+/[\w.-]+", name, re.ASCII):
        raise InputError(f"{address}: expected hf:USER/NAME, as in hf:jane/wgan-gp-mnist")
    return name


def fetch(address: str) -> Path:
    """The folder that a release of the Hub was brought to; kept there, so that the next time needs no network.

    No other file of the repository is fetched. Raises `InputError`, in one line, for all that can go wrong.
    """
    name, hub = repository_name(address), import_hub()
    with hub_errors(address):
        folder = Path(hub.snapshot_download(name, allow_patterns=[*REQUIRED_FILES, *DISPLAY_FILES]))
    lacking = [file for file in REQUIRED_FILES if not (folder / file).is_file()]
    if lacking:
        raise InputError(f"{address} is not a release of ganzoo: it has no {', '.join(lacking)}")
    return folder


def import_hub() -> Any:
    """huggingface_hub; raises `InputError` where it is not installed."""
    try:
        return import_module("huggingface_hub")
    except ImportError:
        raise missing_extra("huggingface_hub", "hub", f"{PREFIX}USER/NAME") from None


@contextmanager
def hub_errors(address: str) -> Iterator[None]:
    """A block in which what goes wrong between here and the Hub becomes one line."""
    try:
        yield
    # Each library beneath has errors of its own, and an answer of another form makes them stumble over anything.
    except Exception as error:
        raise InputError(
            f"{address}: {first_line(error)} (a wrong name, no network, or not logged in with 'hf auth login'?)"
        ) from None
