"""`ganzoo demo`."""

from __future__ import annotations

from collections.abc import Sequence

from ganzoo import terminal
from ganzoo.showing.answers import Answers, of_pictures
from ganzoo.showing.collection import collect, say_left_out
from ganzoo.showing.server import Server, serve


def run(checkpoints: Sequence[str], host: str, port: int) -> None:
    """Serve the page until Ctrl-C; raises `InputError`."""
    found = collect(checkpoints, of_pictures)
    say_left_out(found)
    serve(Server(Answers(found.samplers), host, port), terminal.out)
