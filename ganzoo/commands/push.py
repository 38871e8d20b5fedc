"""`ganzoo push`."""

from __future__ import annotations

from ganzoo.sharing.push import push


def run(release: str, address: str, licence: str | None) -> None:
    """Upload and say where it is."""
    url = push(release, address, licence)
    print(f"{url}\nmore: ganzoo sample {address}")
