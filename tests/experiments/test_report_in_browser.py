"""The page of a comparison as a reader has it: Chromium, on a desk and on a phone, in light and in dark."""

from __future__ import annotations

import re
from math import inf
from pathlib import Path
from typing import Any

import pytest
from browser import executable, visit
from extras import need
from synthetic_results import FID, renamed, synthetic, typed, without_curves
from tab import Tab

from ganzoo.experiments.report.html import render_report

need("jinja2", "matplotlib")

# Of each table wider than its box: how far it was moved, how far its first column went along, and its share of the box.
SCROLLED = """[...document.querySelectorAll(".scroll")].filter((e) => e.scrollWidth > e.clientWidth).map((e) => {
  e.scrollLeft = 1e6;
  const [box, first] = [e, e.querySelector("tbody th")].map((each) => each.getBoundingClientRect());
  return [e.ariaLabel, e.scrollLeft, first.x - box.x, first.width / box.width];
})"""
CLIPBOARD = """window.copied = "";
Object.defineProperty(navigator, "clipboard",
  {value: {writeText: async (text) => { copied = text; }}, configurable: true})"""
NASTY = "<script>hacked=1</script>" + "x" * 90
PRESSES = ("seconds", "seconds", "setting", "median")
WINDOWS = [(400, "light"), (400, "dark"), (1300, "light")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    executable()
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="module")
def results(folder) -> dict[str, Any]:
    """Long words in every place, which is what makes a narrow page overflow."""
    found = renamed(without_curves(synthetic(folder, side=66), "hinge", "wgan"), "hinge", NASTY)
    found["settings"][0]["overrides"] = {"tricks.r1.gamma": "y" * 120}
    found["command"] += " --out " + "z" * 200
    found["cells"][0] |= {"status": "failed", "finding": "w" * 150, "findings": [{"rule": "v" * 80, "step": 20}]}
    found["refused"] = [{"setting": "u" * 90, "reason": "t" * 90}]
    for setting in found["settings"]:
        setting["config"] = {"loss.name": NASTY, f"tricks.{setting['name']}": "s" * 120, "data.spec": "r" * 120}
    found["losses"] = {NASTY: f"{NASTY}\n\nL_D = {'q' * 200}\n\n{'p' * 200}"}
    found["files"] = [{"name": NASTY, "sha256": "0" * 64, "text": f"# {NASTY}\n# {'o' * 200}\n"}]
    return found


@pytest.fixture(scope="module")
def rendered(results, folder) -> str:
    return render_report(typed(results), folder)


@pytest.fixture(scope="module", params=WINDOWS, ids=lambda window: f"{window[0]}-{window[1]}")
def told(request, rendered, folder) -> dict[str, Any]:
    width, scheme = request.param
    return visit(rendered, folder, width=width, scheme=scheme, presses=PRESSES) | {"asked": request.param}


def costs(results: dict[str, Any], key: str) -> dict[str, float]:
    """The median of a cost by setting, where any of its seeds finished."""
    found: dict[str, list[float]] = {}
    for cell in results["cells"]:
        if cell["status"] == "done":
            found.setdefault(cell["setting"], []).append(cell["cost"][key])
    return {name: middle(values) for name, values in found.items()}


def middle(values: list[float]) -> float:
    low, high = sorted(values)[(len(values) - 1) // 2], sorted(values)[len(values) // 2]
    return (low + high) / 2


def test_a_press_on_a_title_sorts_and_another_turns_it_round(told, results):
    names = {setting["name"] for setting in results["settings"]}
    seconds, shown = costs(results, "seconds"), told["orders"]
    assert "ebgan" not in seconds, "a row without a value is among them"
    assert all({*order["rows"]} == names and len(order["rows"]) == len(names) for order in shown)
    assert shown[1]["rows"] == sorted(names, key=lambda name: seconds.get(name, inf))
    assert shown[2]["rows"] == sorted(names, key=lambda name: -seconds.get(name, -inf)), "what has no value stays last"
    assert shown[1]["rows"] != shown[0]["rows"] != shown[3]["rows"]
    medians = {s["setting"]: s["median"] for s in results["summary"] if s["protocol"] == FID and s["n"]}
    assert shown[4]["rows"] == sorted(names, key=lambda name: medians.get(name, inf))
    assert [name for name in shown[3]["rows"] if name != NASTY] == sorted(names - {NASTY}), "names by the alphabet"


def test_the_sorted_column_is_told_to_those_who_do_not_see_it(told):
    marks = [order["marks"] for order in told["orders"]]
    up, down = "ascending", "descending"
    assert marks == [[["rank", up]], [["seconds", up]], [["seconds", down]], [["setting", up]], [["median", up]]]
    assert told["focused"], "the title can be reached from the keyboard"


def test_nothing_is_fetched_and_nothing_goes_wrong(told, rendered):
    assert told["fetched"] == [] and told["wrong"] == [] and told["console"] == []
    assert len(told["pictures"]) == 10 and all(told["pictures"]), "every grid is shown"
    assert told["not_hacked"]


def test_nothing_is_wider_than_the_window(told):
    width, _ = told["asked"]
    assert told["width"] == width
    assert told["too_wide"] == [] and told["needed"] <= width
    assert told["scrolls"], "the wide table scrolls in a box of its own"


@pytest.mark.parametrize("width", [400, 1300])
def test_a_wide_table_keeps_its_first_column_and_the_scores_are_copied(width, rendered, folder):
    page = folder / "page.html"
    page.write_text(rendered, encoding="utf-8")
    with Tab(folder) as tab:
        tab.window(width)
        tab.open(page.as_uri())
        tab.run("for (const each of document.querySelectorAll('details')) each.open = true")
        boxes = tab.run(SCROLLED)
        assert len(boxes) >= (8 if width == 400 else 3)
        assert [box for box in boxes if not (box[1] > 0 and box[2] == 0 and box[3] < 0.6)] == []
        tab.run(CLIPBOARD)
        for form in ("latex", "csv"):
            tab.click(f"button[data-copy={form}]")
            tab.wait("document.querySelector('.copies [role=status]').textContent === 'Copied.'")
            assert tab.run("copied") == tab.run(f"document.getElementById('{form}').textContent")
        tab.run("Object.defineProperty(navigator, 'clipboard', {value: undefined, configurable: true})")
        tab.run("document.addEventListener('copy', () => { copied = String(getSelection()); })")
        tab.click("button[data-copy=latex]")
        tab.wait(r"copied.startsWith('\\begin{tabular}') && copied.includes('bottomrule')")
        assert tab.wrong == [] and tab.run("window.hacked === undefined")


def test_every_colour_can_be_read_on_the_page(told):
    _, scheme = told["asked"]
    colours = told["colours"]
    page_is = brightness(colours.pop("page"))
    assert (page_is < 0.1) == (scheme == "dark")
    ratios = {name: contrast(brightness(colour), page_is) for name, colour in colours.items()}
    assert min(ratios.values()) >= 4.5, ratios
    assert rgb(told["axis"]) == rgb(colours["ink"]), "words in a figure have the colour of the page's words"


def rgb(colour: str) -> tuple[int, ...]:
    """#rrggbb or rgb(r, g, b)."""
    if colour.startswith("#"):
        return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return tuple(int(number) for number in re.findall(r"\d+", colour))


def brightness(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in rgb(colour))]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)
