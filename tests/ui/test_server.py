"""The demo over HTTP: what it answers, and what it does not."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from threading import Thread

import pytest

from ganzoo import load
from ganzoo.errors import InputError
from ganzoo.ui.answers import Answers
from ganzoo.ui.server import Server


@pytest.fixture(scope="module")
def server(runs) -> Iterator[Server]:
    with Server(Answers({"</script>&": load(runs / "cgan")}), port=0) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def get(server: Server, path: str, method: str = "GET", host: str | None = None) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    connection.request(method, path, headers={} if host is None else {"Host": host})
    answer = connection.getresponse()
    found = answer.status, answer.headers.get("Content-Type", ""), answer.read()
    connection.close()
    return found


def test_the_page_is_whole_and_holds_no_name_as_code(server):
    status, kind, page = get(server, "/")
    assert status == 200 and kind.startswith("text/html")
    assert page.count(b"</script>") == 2 and b"https://" not in page and b'src="' not in page


def test_a_picture_is_a_png_and_the_same_each_time(server):
    path = "/samples.png?checkpoint=0&seed=4&n=4"
    first, again = get(server, path), get(server, path)
    assert first == again and first[:2] == (200, "image/png") and first[2].startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/samples.png?checkpoint=7", 400),
        ("/samples.png?checkpoint=0&checkpoint=0", 400),
        ("/samples.png?" + "&".join(f"a{i}=1" for i in range(99)), 400),
        ("/walk.png?checkpoint=0&frames=x", 400),
        ("/samples", 404),
        ("/described.png", 404),
        ("/../../../etc/passwd", 404),
        ("/%2e%2e/%2e%2e/etc/passwd", 404),
        ("//etc/passwd", 404),
        ("/generator.safetensors", 404),
    ],
)
def test_all_else_is_one_line_of_json(server, path, status):
    found, kind, content = get(server, path)
    assert (found, kind) == (status, "application/json")
    assert list(json.loads(content)) == ["error"] and b"\n" not in content


def test_nothing_but_reading_is_answered(server):
    assert get(server, "/", "POST")[0] == 501 and get(server, "/", "DELETE")[0] == 501


def test_a_name_that_was_made_to_point_here_is_refused(server):
    assert get(server, "/", host="evil.example")[0] == 403
    assert get(server, "/", host="evil.example:80")[0] == 403
    for own in ("localhost:9000", "127.0.0.1", "[::1]:8000"):
        assert get(server, "/", host=own)[0] == 200


def test_it_listens_at_this_machine_only_unless_told(server, runs):
    assert server.server_address[0] == "127.0.0.1" and server.url == f"http://127.0.0.1:{server.server_port}/"
    answers = Answers({"a": load(runs / "cgan")})
    with pytest.raises(InputError, match=f"cannot listen at 127.0.0.1:{server.server_port}: .*another --port"):
        Server(answers, port=server.server_port)
    with Server(answers, "0.0.0.0", 0) as everywhere:
        assert everywhere.is_own("192.168.0.7:8000")


def test_a_client_that_goes_away_is_no_error_but_a_fault_is(server, capsys):
    for error, said in ((ConnectionResetError(104, "reset"), False), (BrokenPipeError(), False), (KeyError("x"), True)):
        try:
            raise error
        except type(error):
            server.handle_error(None, ("127.0.0.1", 5))
        assert ("Traceback" in capsys.readouterr().err) == said


@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
def test_ctrl_c_ends_it_cleanly(runs):
    command = [sys.executable, "-m", "ganzoo", "demo", str(runs / "nsgan"), "--port", "0"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout.readline().startswith("http://127.0.0.1:")
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (0, "ended\n", "")


def test_addresses_that_cannot_be_read_are_refused(server):
    assert get(server, "/", host="[")[0] == 403
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=30) as raw:  # a client would not send it
        raw.sendall(b"GET http://[/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400")
    assert get(server, f"/samples.png?checkpoint=0&class={'9' * 5000}")[0] == 400


@pytest.mark.parametrize("host", ["", "ä" * 70, "no\0name"])
def test_a_host_that_is_no_name_is_refused(host, runs):
    with pytest.raises(InputError, match="host"):
        Server(Answers({"x": load(runs / "cgan")}), host=host, port=0)
