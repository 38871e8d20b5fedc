"""`ganzoo push`."""

from __future__ import annotations

from ganzoo import terminal
from ganzoo.release.push import push


def run(release: str, address: str, licence: str | None) -> None:
    """Upload and say where it is."""
    url = push(release, address, licence)
    terminal.out(url)
    terminal.out(f"more: ganzoo sample {address}")
