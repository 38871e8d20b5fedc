"""`ganzoo demo`."""

from __future__ import annotations

from collections.abc import Sequence

from ganzoo import terminal
from ganzoo.ui.answers import Answers, of_pictures
from ganzoo.ui.collection import collect, print_left_out
from ganzoo.ui.server import Server, serve


def run(checkpoints: Sequence[str], host: str, port: int) -> None:
    """Serve the page until Ctrl-C; raises `InputError`."""
    found = collect(checkpoints, of_pictures)
    print_left_out(found)
    serve(Server(Answers(found.samplers), host, port), terminal.out)
