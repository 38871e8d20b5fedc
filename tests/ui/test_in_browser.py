"""Demo and gallery as a reader has them: Chromium, clicked through, on a desk and on a phone, in light and in dark."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from threading import Thread

import numpy as np
import pytest
from browser import executable
from PIL import Image
from tab import Tab

from ganzoo import load
from ganzoo.image_io import grid, to_uint8
from ganzoo.ui.answers import Answers
from ganzoo.ui.collection import collect
from ganzoo.ui.gallery import write_gallery
from ganzoo.ui.server import Server

NAMES = ("cgan", "nsgan", "infogan")
QUIET = "pending === 0 && [...document.querySelectorAll('figure:not([hidden]) img')].every((i) => i.naturalWidth)"
WIDE = "[...document.body.querySelectorAll('*')].filter((e) => !e.closest('.scroll') && e.getBoundingClientRect().right > innerWidth + 0.5).map((e) => e.outerHTML.slice(0, 80))"  # noqa: E501


@pytest.fixture(scope="module")
def tab(tmp_path_factory) -> Iterator[Tab]:
    executable()
    with Tab(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


@pytest.fixture(scope="module")
def server(runs) -> Iterator[Server]:
    with Server(Answers({name: load(runs / name) for name in NAMES}), port=0) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def demo(tab, server) -> Tab:
    """The page as it opens: cgan beside nsgan."""
    tab.window(1300)
    tab.wrong.clear()
    tab.open("about:blank")
    tab.open(server.url)
    tab.wait(QUIET)
    return tab


def shown(tab: Tab, side: str, kind: str = "samples") -> np.ndarray:
    """The grey levels of what an image or the canvas shows."""
    found = tab.run(
        f"(() => {{ const e = document.querySelector('[data-side={side}] .{kind}'), c = document.createElement('canvas');"
        " Object.assign(c, {width: e.naturalWidth ?? e.width, height: e.naturalHeight ?? e.height});"
        " const x = c.getContext('2d'); x.drawImage(e, 0, 0);"
        " return [c.height, c.width, [...x.getImageData(0, 0, c.width, c.height).data].filter((_, i) => i % 4 == 0)]; })()"
    )
    return np.array(found[2]).reshape(found[:2])


def expected(server: Server, name: str, *words, **options) -> np.ndarray:
    return to_uint8(grid(server.answers.samplers[name].sample(*words, **options), 4))[0, 0].numpy().astype(int)


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and abs(one - other).max() <= 1


def test_it_opens_with_two_checkpoints_on_the_same_seeds(demo, server):
    assert same(shown(demo, "left"), expected(server, "cgan", 16))
    assert same(shown(demo, "right"), expected(server, "nsgan", 16))
    assert demo.run("document.querySelector('#latents').textContent") == "Both get the same latents: 8 Gaussian values."
    assert demo.wrong == [] and demo.run("document.querySelector('#wrong').hidden")


def test_seed_class_and_truncation_are_what_is_drawn(demo, server):
    demo.click("#next")
    demo.wait(f"{QUIET} && document.querySelector('figcaption').textContent.endsWith('16 to 31')")
    assert same(shown(demo, "left"), expected(server, "cgan", 16, 16))
    demo.type("#seed", "7")
    demo.choose("#right", "")
    demo.wait(QUIET)
    assert demo.run("document.querySelectorAll('figure[hidden]').length") == 2, "nothing beside it"
    demo.choose("#class", "2")
    demo.click("#truncation")
    demo.wait(QUIET)
    bound = float(demo.run("document.querySelector('#truncation').value"))
    assert 1 < bound < 2, "pressed in the middle"
    assert same(shown(demo, "left"), expected(server, "cgan", 16, 7, classes=["2"], truncation=bound))
    assert demo.run("document.querySelector('#psi').textContent") == f"values of z within ±{bound:g}"
    assert demo.wrong == []


def test_what_one_of_the_two_cannot_do_is_not_offered(demo, server):
    demo.choose("#class", "1") if not demo.run("document.querySelector('#class').disabled") else None
    assert demo.run("document.querySelector('#class').disabled"), "nsgan knows no classes"
    demo.choose("#right", "2")
    demo.wait(QUIET)
    assert demo.run("document.querySelector('#truncation').disabled"), "infogan's z is uniform"
    assert demo.run("document.querySelector('#latents').textContent").startswith("The latents are not the same: 8 Gau")
    assert same(shown(demo, "right"), expected(server, "infogan", 16))


def test_a_walk_is_stepped_through_and_played(demo, server):
    demo.type("#from", "2")
    demo.type("#to", "11")
    demo.wait(f"{QUIET} && document.querySelector('.walk').alt.endsWith('from seed 2 to seed 11')")
    frames = to_uint8(server.answers.samplers["cgan"].walk([2, 11], 16))[:, 0].numpy().astype(int)
    assert same(shown(demo, "left", "frame"), frames[0])
    demo.run("document.querySelector('#at').focus()")
    demo.key("End", 35)
    assert demo.run("document.querySelector('#step').textContent") == "16 of 16"
    assert same(shown(demo, "left", "frame"), frames[15])
    demo.click("#play")
    demo.wait("document.querySelector('#step').textContent === '14 of 16'")
    demo.click("#play")
    assert demo.run("[playing, document.querySelector('#play').textContent]") == [None, "Play"]


def test_what_is_wrong_is_said_on_the_page(demo):
    demo.type("#seed", "-3")
    demo.wait("!document.querySelector('#wrong').hidden")
    assert demo.run("document.querySelector('#wrong').textContent").startswith("seed must be a whole number from 0 to")
    demo.type("#seed", "3")
    demo.wait(f"{QUIET} && document.querySelector('#wrong').hidden")


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (400, "dark"), (1300, "dark")])
def test_both_pages_fit_the_window_and_its_scheme(tab, server, runs, tmp_path, width, scheme):
    folder = tmp_path / ("long" * 15)
    shutil.copytree(runs / "nsgan/release", folder)
    gallery = write_gallery(collect([str(runs), str(folder)]), tmp_path / "gallery").as_uri()
    tab.window(width, scheme=scheme)
    tab.wrong.clear()
    for url, there in ((server.url, QUIET), (gallery, "document.images.length === 4")):
        tab.open(url)
        tab.wait(there)
        tab.run("document.querySelectorAll('details').forEach((e) => { e.open = true; })")
        assert tab.run(WIDE) == [] and tab.run("document.documentElement.scrollWidth") <= width
        tab.screenshot(tmp_path / "page.png")
        corner = Image.open(io.BytesIO((tmp_path / "page.png").read_bytes())).convert("L").getpixel((2, 2))
        assert (corner < 60) == (scheme == "dark")
    assert tab.wrong == []
