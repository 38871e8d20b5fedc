"""Demo and gallery as a reader has them: Chromium, clicked through, on a desk and on a phone, in light and in dark."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import executable
from installed import need
from PIL import Image
from tab import Tab

from ganzoo.sampling import Sampler, load
from ganzoo.ui.collection import collect
from ganzoo.ui.demo import build_demo
from ganzoo.ui.gallery import write_gallery
from ganzoo.ui.server import bindable_port, launch, own_names_only
from ganzoo.ui.view import View, picture

SHOWN = "[...document.querySelectorAll('.picture img')].filter((e) => e.checkVisibility())"
WIDE = "[...document.body.querySelectorAll('*')].filter((e) => !e.closest('.scroll') && e.getBoundingClientRect().right > innerWidth + 0.5).map((e) => e.outerHTML.slice(0, 80))"  # noqa: E501


@pytest.fixture(scope="module")
def tab(tmp_path_factory) -> Iterator[Tab]:
    executable()
    with Tab(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


@pytest.fixture(scope="module")
def samplers(runs) -> dict[str, Sampler]:
    return {name: load(runs / name) for name in ("cgan", "nsgan", "infogan")}


@pytest.fixture(scope="module")
def url(samplers) -> Iterator[str]:
    """The address of a running demo."""
    need("gradio")
    page, port = build_demo(samplers), bindable_port("127.0.0.1", 0)
    launch(page, server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, **own_names_only("127.0.0.1"))
    yield page.local_url
    page.close(verbose=False)


def visit(tab: Tab, url: str, query: str = "", width: int = 1300, scheme: str = "light") -> None:
    tab.window(width, scheme=scheme)
    tab.wrong.clear()
    tab.open("about:blank")
    tab.run(f"location.href = {url + query!r}")
    tab.wait(f"location.href.startsWith({url!r}) && {SHOWN}.length > 0")


def arrive(tab: Tab, url: str, query: str, *names: str) -> None:
    """Wait until the address says `query` and the pictures are files with these names."""
    tab.wait(f"location.href === {url + query!r}")
    files = f"{SHOWN}.filter((e) => e.complete && e.naturalWidth).map((e) => e.src.split('/').pop()).join()"
    tab.wait(f"{files} === {','.join(names)!r}")


def saved(tab: Tab, side: str) -> bytes:
    """The file that the button above a picture saves."""
    link = f"document.querySelector('#{side}-picture a[download]').href"
    return bytes(tab.run(f"fetch({link}).then((r) => r.arrayBuffer()).then((b) => [...new Uint8Array(b)])"))


def press(tab: Tab, selector: str) -> None:
    """Click what is there, or soon will be."""
    tab.wait(f"document.querySelector('{selector}')?.checkVisibility()")
    tab.click(selector)


def pick(tab: Tab, control: str, option: str) -> None:
    press(tab, f"#{control} input")
    press(tab, f'#{control} [role=option][aria-label="{option}"]')


def drawn(samplers: dict[str, Sampler], left: str, **settings) -> bytes:
    return picture(samplers[left], View(left=left, **settings))


def test_what_is_waited_for_may_come_on_the_next_page(tab, tmp_path):
    for name in ("first", "second"):
        (tmp_path / f"{name}.html").write_text(f"<title>{name}</title>")
    tab.open((tmp_path / "first.html").as_uri())
    tab.run("void setTimeout(() => { location.href = 'second.html'; }, 50)")
    tab.wait("new Promise((r) => setTimeout(() => r(document.title === 'second'), 500))")
    assert tab.run("location.href").endswith("/second.html")


def test_the_demo_is_clicked_through(tab, url, samplers):
    visit(tab, url)
    arrive(tab, url, "?left=cgan&right=nsgan", "cgan-seeds-0-to-15.png", "nsgan-seeds-0-to-15.png")
    assert saved(tab, "left") == drawn(samplers, "cgan") and saved(tab, "right") == drawn(samplers, "nsgan")
    assert tab.run("document.querySelector('#note').innerText") == "Both get the same latents: 8 Gaussian values."
    assert tab.run("document.querySelector('#class_name')?.checkVisibility() ?? false") is False, "nsgan has no classes"
    press(tab, "#next")
    arrive(tab, url, "?left=cgan&right=nsgan&seed=16", "cgan-seeds-16-to-31.png", "nsgan-seeds-16-to-31.png")
    pick(tab, "right", "none")
    pick(tab, "class_name", "2")
    tab.type("#seed input", "7")
    arrive(tab, url, "?left=cgan&right=&seed=7&class_name=2", "cgan-seeds-7-to-22.png")
    assert saved(tab, "left") == drawn(samplers, "cgan", seed=7, class_name="2")
    assert tab.run("document.querySelector('#link textarea').value") == f"{url}?left=cgan&right=&seed=7&class_name=2"
    press(tab, "#truncation input[type=range]")
    tab.wait("location.search.includes('truncation=1.')")
    press(tab, "#show label:nth-of-type(2)")
    tab.wait(f"{SHOWN}[0].src.endsWith('cgan-seed-7-to-seed-1-and-back.gif')")
    pick(tab, "left", "infogan")
    press(tab, "#show label:nth-of-type(3)")
    arrive(
        tab,
        url,
        "?left=infogan&right=&show=codes&seed=7&code=category",
        "infogan-code-category-along-each-row-seeds-7-to-10.png",
    )
    assert saved(tab, "left") == drawn(samplers, "infogan", show="codes", seed=7, code="category")
    tab.type("#seed input", "-3")
    tab.wait("document.body.innerText.includes('seed: input should be greater than or equal to 0, not -3')")
    fetched = tab.run("performance.getEntriesByType('resource').map((e) => e.name)")
    assert len(fetched) > 20 and [each for each in fetched if not each.startswith(url)] == []
    assert tab.wrong == []


def test_a_link_opens_its_view_and_a_wrong_one_says_so(tab, url, samplers):
    query = "?left=infogan&right=nsgan&show=walk&seed=2&to=11&images=5"
    visit(tab, url, query)
    names = (f"{name}-seed-2-to-seed-11-and-back.gif" for name in ("infogan", "nsgan"))
    arrive(tab, url, query, *names)
    assert saved(tab, "right") == drawn(samplers, "nsgan", show="walk", seed=2, to=11, images=5)
    assert tab.run("['#seed', '#to'].map((e) => document.querySelector(`${e} input`).value)") == ["2", "11"]
    visit(tab, url, "?left=<img src=x onerror='window.hacked=1'>")
    arrive(tab, url, "?left=cgan&right=nsgan", "cgan-seeds-0-to-15.png", "nsgan-seeds-0-to-15.png")
    tab.wait("document.body.innerText.includes('<img src=x onerror=')")
    assert tab.run("window.hacked === undefined") and tab.wrong == []


def same_scheme(tab: Tab, folder: Path, scheme: str) -> bool:
    tab.screenshot(folder / "page.png")
    corner = Image.open(io.BytesIO((folder / "page.png").read_bytes())).convert("L").getpixel((2, 2))
    return (corner < 60) == (scheme == "dark")


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (400, "dark"), (1300, "dark")])
def test_both_pages_fit_the_window_and_its_scheme(tab, url, runs, tmp_path, width, scheme):
    folder = tmp_path / ("long" * 15)
    shutil.copytree(runs / "nsgan/release", folder)
    gallery = write_gallery(collect([str(runs), str(folder)]), tmp_path / "gallery").as_uri()
    visit(tab, url, width=width, scheme=scheme)
    arrive(tab, url, "?left=cgan&right=nsgan", "cgan-seeds-0-to-15.png", "nsgan-seeds-0-to-15.png")
    image = f"(() => {{ const e = {SHOWN}[0]; return [e.clientWidth, getComputedStyle(e).imageRendering]; }})()"
    size, rendering = tab.run(image)
    assert size > (130 if width == 400 else 500) and rendering == "pixelated"
    assert tab.run("document.documentElement.scrollWidth") <= width and same_scheme(tab, tmp_path, scheme)
    tab.open(gallery)
    tab.wait("document.images.length === 4")
    tab.run("document.querySelectorAll('details').forEach((e) => { e.open = true; })")
    assert tab.run(WIDE) == [] and tab.run("document.documentElement.scrollWidth") <= width
    assert same_scheme(tab, tmp_path, scheme) and tab.wrong == []
