"""The demo's page: the functions behind its controls, and its server."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from installed import need

from ganzoo import api
from ganzoo.errors import InputError
from ganzoo.sampling import checkpoints
from ganzoo.ui.collection import collect
from ganzoo.ui.demo import (
    Page,
    build_demo,
    follow_link,
    import_gradio,
    load_images,
    make_page,
    one_line_errors,
    redraw,
)
from ganzoo.ui.server import bindable_port, launch, own_names_only, serve
from ganzoo.ui.view import View, link_query, picture, short_names
from small_runs import small

FIELDS = list(View.model_fields)


@pytest.fixture(scope="module")
def samplers(runs):
    return {name: load_images(runs / name) for name in ("cgan", "infogan", "nsgan")}


@pytest.fixture(scope="module")
def page(samplers) -> Page:
    need("gradio")
    gradio = import_gradio()
    with gradio.Blocks(analytics_enabled=False):
        return make_page(gradio, samplers)


@pytest.fixture(scope="module")
def server(samplers) -> Iterator[str]:
    """The address of a running demo."""
    need("gradio")
    demo, port = build_demo(samplers), bindable_port("127.0.0.1", 0)
    launch(demo, server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, **own_names_only("127.0.0.1"))
    yield f"127.0.0.1:{port}"
    demo.close(verbose=False)


def changes(page: Page, **settings) -> dict[str, dict]:
    """The outputs of `redraw`, by field for the controls."""
    view = View(**settings)
    names = [*FIELDS, "first", "second", "next_seeds", "note", "query"]
    return dict(zip(names, redraw(page, *view.model_dump().values()), strict=True))


def test_two_checkpoints_are_drawn_on_the_same_seeds(page, samplers):
    view = View(left="cgan", right="nsgan", seed=7, images=4)
    found = changes(page, **view.model_dump())
    for name, shown in (("cgan", found["first"]), ("nsgan", found["second"])):
        assert Path(shown["value"]).read_bytes() == picture(samplers[name], view)
        assert Path(shown["value"]).name == f"{name}-seeds-7-to-10.png" and shown["visible"]
        assert shown["label"] == shown["alt_text"] == f"{name}, seeds 7 to 10"
    assert found["note"] == "Both get the same latents: 8 Gaussian values." and found["query"] == link_query(view)


def test_controls_that_a_checkpoint_cannot_use_are_hidden(page):
    cgan = changes(page, left="cgan")
    assert cgan["class_name"]["choices"] == [("any", ""), "0", "1", "2"] and cgan["class_name"]["visible"]
    assert (
        cgan["truncation"]["visible"] and not cgan["code"]["visible"] and cgan["show"]["choices"] == ["samples", "walk"]
    )
    assert cgan["second"] == page.gradio.update(value=None, visible=False)
    infogan = changes(page, left="infogan", show="codes", class_name="1", truncation=0.5)
    assert not infogan["class_name"]["visible"] and not infogan["truncation"]["visible"]
    assert infogan["code"]["visible"] and infogan["code"]["value"] == "category" and not infogan["images"]["visible"]
    assert "value" not in cgan["class_name"], "the reader may have chosen another meanwhile"
    walk = changes(page, left="infogan", right="nsgan", show="walk")
    assert walk["to"]["visible"] and walk["images"]["label"] == "Frames" and not walk["next_seeds"]["visible"]


def test_a_link_sets_every_control(page):
    view = View(left="infogan", show="codes", seed=5, to=2, images=9, code="1")
    found = follow_link(page, link_query(view))
    assert [each["value"] for each in found] == list(view.model_dump().values())
    assert found[FIELDS.index("show")]["choices"] == ["samples", "walk", "codes"]
    assert [each["value"] for each in follow_link(page, "")][:3] == ["cgan", "infogan", "samples"]


def test_bad_input_is_one_line_on_the_page(page):
    with pytest.raises(page.gradio.Error) as caught:
        one_line_errors(page, follow_link)("?left=<img src=x>\n")
    said = caught.value
    assert "no checkpoint is called '&lt;img src=x&gt;" in said.message and "\n" not in said.message
    assert said.print_exception is False
    with pytest.raises(page.gradio.Error, match="seed: input should be greater than or equal to 0, not -1"):
        one_line_errors(page, redraw)(*(View(left="cgan").model_dump() | {"seed": -1}).values())


def test_nothing_is_drawn_while_a_number_is_typed(page):
    values = (View(left="cgan").model_dump() | {"seed": None}).values()
    assert redraw(page, *values) == [page.gradio.skip()] * len(page.outputs)


def test_names_are_short_where_they_stay_apart(samplers):
    cgan, infogan, _ = samplers.values()
    assert list(short_names({"runs/a": cgan, "hf:jane/b": infogan})) == ["a", "b"]
    assert list(short_names({"x/run": cgan, "y/run": infogan})) == ["x/run", "y/run"]


def test_without_the_extra_it_is_named(samplers, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(InputError, match=r"needs the package 'gradio': pip install 'ganzoo-torch\[demo\]'"):
        build_demo(samplers)


def get(server: str, path: str, host: str | None = None) -> int:
    connection = http.client.HTTPConnection(server, timeout=30)
    connection.request("GET", path, headers={} if host is None else {"Host": host})
    status = connection.getresponse().status
    connection.close()
    return status


def test_only_requests_for_this_machine_are_answered(server):
    assert get(server, "/") == 200 and get(server, "/", "localhost:9000") == 200
    assert get(server, "/", "evil.example") == 400
    assert own_names_only("0.0.0.0") == {}


def test_files_of_the_disk_are_not_served(server, runs):
    weights = runs / "cgan/release/generator.safetensors"
    assert weights.is_file() and get(server, f"/gradio_api/file={weights}") == 403
    assert get(server, "/gradio_api/file=/etc/passwd") == 403


def test_no_statistics_are_sent_to_gradio(samplers):
    need("gradio")
    assert build_demo(samplers).analytics_enabled is False


@pytest.mark.parametrize("host", ["", "ä" * 70, "no\0name", "203.0.113.9"])
def test_a_host_that_cannot_be_listened_at_is_refused(host):
    with pytest.raises(InputError, match="host"):
        bindable_port(host, 0)


def test_a_port_that_is_taken_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"cannot listen at 127.0.0.1:{port}: .*; choose another --port"):
            bindable_port("127.0.0.1", port)


def stop(lines: list[str]):
    """A `say` that presses Ctrl-C as soon as the address is said."""

    def say(line: str) -> None:
        lines.append(line)
        if line != "ended":
            raise KeyboardInterrupt

    return say


def test_a_public_address_is_opened_only_on_request(samplers, monkeypatch):
    need("gradio")
    asked, lines = [], []
    networking = import_module("gradio.networking")
    monkeypatch.setattr(networking, "setup_tunnel", lambda **given: asked.append(given) or "http://x.gradio.live")
    monkeypatch.setenv("GRADIO_SHARE", "true")
    serve(samplers, "127.0.0.1", 0, False, stop(lines))
    assert asked == [] and lines[0].startswith("http://127.0.0.1:") and lines[1:] == ["ended"]
    serve(samplers, "127.0.0.1", 0, True, stop(lines))
    assert len(asked) == 1 and lines[2:] == ["https://x.gradio.live (Ctrl-C ends it)", "ended"]


def test_a_public_address_that_cannot_be_opened_is_one_line(samplers, monkeypatch, capsys):
    need("gradio")

    def fail(**_):
        raise OSError("no network")

    monkeypatch.setattr(import_module("gradio.networking"), "setup_tunnel", fail)
    with pytest.raises(InputError, match=r"^--share: Could not create share link") as caught:
        serve(samplers, "127.0.0.1", 0, True, pytest.fail)
    assert "\n" not in str(caught.value) and capsys.readouterr().out == ""


def test_a_proxy_in_the_way_is_one_line(samplers, monkeypatch):
    need("gradio")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = "http://{}:{}".format(*closed.getsockname())
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, address)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match=r"^cannot serve at 127.0.0.1:\d+: .* set NO_PROXY=127.0.0.1\)$"):
        serve(samplers, "127.0.0.1", 0, False, pytest.fail)


@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
def test_ctrl_c_ends_it_cleanly(runs):
    need("gradio")
    command = [sys.executable, "-m", "ganzoo", "demo", str(runs / "nsgan"), "--port", "0"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout.readline().startswith("http://127.0.0.1:")
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (0, "ended\n", "")


def test_points_are_left_out_of_a_folder_and_refused_where_they_are_named(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoints, "RELEASE_FOLDERS", ())
    shutil.copytree(runs / "nsgan/release", tmp_path / "runs/nsgan")
    api.train(small("mixtures/nsgan", train={"steps": 1}, data={"spec": "ring"}), out=tmp_path / "runs/ring")
    pictures, points = (str(Path("runs", name)) for name in ("nsgan", "ring"))
    for names in ([], ["runs"]):
        found = collect(names, load_images)
        assert list(found.samplers) == [pictures]
        assert found.left_out[0].startswith(f"{points}: {points} makes points, but the demo shows images")
    with pytest.raises(InputError, match=r"ring makes points, but the demo shows images"):
        collect([pictures, points], load_images)
    shutil.rmtree(pictures)
    with pytest.raises(InputError, match=r"no checkpoint to show in runs \(.*ring makes points, .*; name a run"):
        collect(["runs"], load_images)
