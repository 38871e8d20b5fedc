"""The demo's web server: one page, two kinds of pictures, nothing from the disk."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ganzoo.errors import InputError
from ganzoo.ui.answers import Answers
from ganzoo.ui.html import render

LOCAL = "localhost"


class Server(ThreadingHTTPServer):
    """Serves the page and the answers to what it asks, each request in a thread of its own.

    `port` 0 takes any that is free. Raises `InputError` for an address that it cannot listen at.
    """

    daemon_threads = True

    def __init__(self, answers: Answers, host: str = "127.0.0.1", port: int = 8000) -> None:
        if not host:
            raise InputError("--host is empty, which would be open to everybody; leave it out for this machine alone")
        self.answers, self.host = answers, host
        self.page = render("demo.html.j2", checkpoints=answers.described()).encode()
        try:
            super().__init__((host, port), Handler)
        except (OSError, TypeError, UnicodeError) as error:  # the latter two for what can be no name
            why = getattr(error, "strerror", None) or error
            raise InputError(f"cannot listen at {host}:{port}: {why}; choose another --port or --host") from None

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{self.host}:{self.server_port}/"

    def is_own(self, host: str) -> bool:
        """Whether a request meant for `host` may be answered.

        Another site's name that was made to point at this machine is not: its pages could read the pictures.
        """
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        return name in (self.host, LOCAL) or not is_loopback(self.host) or (name is not None and is_loopback(name))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a page that was closed while it was answered."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with the page, a PNG, or one line of JSON that says what was wrong."""
        try:
            asked = urlsplit(self.path)
        except ValueError:
            return self._refuse(400, "this is no address")
        if not self.server.is_own(self.headers.get("Host", "")):
            return self._refuse(403, "this page is for the machine that it runs on")
        if asked.path == "/":
            return self._send(200, "text/html; charset=utf-8", self.server.page)
        kind = asked.path.removeprefix("/").removesuffix(".png")
        if asked.path != f"/{kind}.png" or kind not in self.server.answers.kinds:
            return self._refuse(404, "there is nothing here")
        try:
            self._send(200, "image/png", self.server.answers.png(kind, parameters(asked.query)))
        except InputError as error:
            self._refuse(400, str(error))

    def _refuse(self, status: int, why: str) -> None:
        self._send(status, "application/json", json.dumps({"error": why}).encode())

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(content)), "Cache-Control": "no-store"}
        for name, value in (headers | {"X-Content-Type-Options": "nosniff"}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *values: Any) -> None:
        """Say nothing: the page shows what goes wrong."""


def parameters(query: str) -> dict[str, str]:
    """The parameters of an address; raises `InputError` where one is said twice."""
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=20) if query.count("&") < 20 else None
    if pairs is None or len(dict(pairs)) < len(pairs):
        raise InputError("a parameter is said twice")
    return dict(pairs)


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return host == LOCAL or ip_address(host).is_loopback
    except ValueError:
        return False


def serve(server: Server, say: Callable[[str], None]) -> None:
    """Serve until Ctrl-C."""
    try:
        say(f"{server.url} (Ctrl-C ends it)")
        server.serve_forever()
    except KeyboardInterrupt:
        say("ended")
    finally:
        server.server_close()
