"""Downloads by torchvision that fail soon and in one line."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ganzoo.data.cache import home
from ganzoo.errors import InputError, missing_extra, one_line

SILENCE = 5.0
"""Seconds without an answer after which a download is given up."""


@contextmanager
def fetching(name: str, by_hand: Sequence[str]) -> Iterator[None]:
    """Around what may download: an error becomes `InputError` that says which files (`by_hand`) to put where."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE)
    try:
        yield
    except InputError:
        raise
    # Whatever the network, the archive or torchvision's own checks raise, the remedy is the same; the cause comes last.
    except Exception as error:
        raise InputError(
            f"cannot get {name} ({one_line(error, -1)}): put {', '.join(by_hand)} into {home() / 'data'}"
        ) from error
    finally:
        socket.setdefaulttimeout(before)


def require(package: str, purpose: str) -> None:
    """Raise `InputError` with the install hint where `package` of the extra `formats` is missing."""
    if importlib.util.find_spec(package) is None:
        raise missing_extra(package, "formats", purpose)
