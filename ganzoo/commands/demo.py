"""`ganzoo demo`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ganzoo.showing.answers import Answers, of_pictures
from ganzoo.showing.collection import collect
from ganzoo.showing.server import Server, serve


def run(checkpoints: Sequence[str], host: str, port: int) -> None:
    """Serve the page until Ctrl-C; raises `InputError`."""
    found = collect(checkpoints, of_pictures)
    for line in found.left_out:
        print(f"left out: {line}", file=sys.stderr)
    serve(Server(Answers(found.samplers), host, port), say)


def say(line: str) -> None:
    """One line, at once."""
    print(line, flush=True)
