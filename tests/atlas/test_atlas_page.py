"""The page of the atlas in Chromium: it names failures as `ganzoo doctor` does, reads logs and CSV files, and can be read."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from browser import executable
from extras import need
from made_up import STEPS, collapsed, curves, exploded, failed, log, small_atlas
from PIL import Image
from tab import Tab

from ganzoo.atlas.compare import compare
from ganzoo.atlas.csv_log import parse_map, read_csv
from ganzoo.atlas.curves import run_curves
from ganzoo.atlas.store import Atlas, Run, build, loss_of, read_atlas
from ganzoo.builder import resolve_config
from ganzoo.cli.over_band import nearest, outside
from ganzoo.config.recipes import make_config
from small_runs import toy_data

need("jinja2")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
DROP = """(() => {
  const dataTransfer = new DataTransfer();
  for (const [name, text] of FILES) dataTransfer.items.add(new File([text], name));
  const kept = ["dragover", "drop"].map((kind) => new DragEvent(kind, {dataTransfer, bubbles: true, cancelable: true}))
    .map((event) => document.body.dispatchEvent(event));
  if (kept.includes(true)) throw new Error("the browser would open the file in place of the page");
})()"""
COMPARED = """(() => {
  const curves = runCurves(RECORDS, STEPS), found = compare(curves, LOSS, DATA, STEPS);
  return {curves, found, text: found && nearestText(found), outside: found && mapped(found.signals, outside)};
})()"""
WIDER = """[...document.querySelectorAll("body *")].filter((e) => !e.closest(".scroll, svg"))
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 0.5).map((e) => e.outerHTML.slice(0, 90))"""
NAMELESS = """[...document.querySelectorAll("select, input, img, svg")]
  .filter((e) => !(e.labels?.[0]?.textContent.trim() || e.alt || e.ariaLabel)).map((e) => e.outerHTML.slice(0, 90))"""
NASTY = "</script><script>hacked=1</script>" + "x" * 90


@pytest.fixture(scope="module")
def atlas_page() -> ModuleType:
    """The script that writes the page."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import atlas_page
    finally:
        sys.path.remove(str(BENCHMARKS))
    return atlas_page


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    executable()
    with Tab(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
def page(tab, atlas_page) -> Tab:
    """The page in the repository, opened from the disk."""
    return opened(tab, atlas_page.PAGE)


def opened(tab: Tab, path: Path, width: int = 1300, scheme: str = "light") -> Tab:
    tab.wrong.clear()
    tab.window(width, scheme=scheme)
    tab.open("about:blank")
    tab.open(path.resolve().as_uri())
    return tab


def drop(tab: Tab, *files: tuple[str, str]) -> str:
    """Drop files onto the page; returns what it says of them."""
    tab.run("document.getElementById('about-run').replaceChildren(); document.getElementById('error').textContent = ''")
    tab.run(DROP.replace("FILES", json.dumps(files)))
    tab.wait("document.getElementById('about-run').textContent || document.getElementById('error').textContent")
    return tab.run(
        "[...document.querySelectorAll('#about-run p, #error')].map((e) => e.textContent).join('\\n').trim()"
    )


def jsonl(records: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def config(loss: str = "nsgan", data: str = "digits", steps: int = STEPS) -> tuple[str, str]:
    table = {"loss": {"name": loss}, "dataset": {"name": data}, "train": {"steps": steps}, "networks": {"pyramid": []}}
    return "config.json", json.dumps(table, indent=2)


def assert_same(tab: Tab, atlas: Atlas, records: list[dict[str, Any]], loss: str, data: str, steps: int) -> None:
    """The page and the package compare a log alike, number by number."""
    given = {"RECORDS": records, "STEPS": steps, "LOSS": loss, "DATA": data}
    script = COMPARED
    for name, value in given.items():
        script = script.replace(name, json.dumps(value))
    there, here = tab.run(script), run_curves(records, steps)
    assert list(there["curves"]) == list(here)
    for name, values in here.items():
        assert np.allclose(np.array(there["curves"][name], float), values, atol=1e-9, equal_nan=True), name
    found = compare(atlas, here, loss, data, steps)
    assert found is not None
    assert abs(there["found"]["fromBand"] - found.from_band) < 1e-9
    assert [each["sick"]["name"] for each in there["found"]["nearest"]] == [sick.name for sick, _ in found.nearest]
    far = [each["far"] for each in there["found"]["nearest"]]
    assert np.allclose(far, [distance for _, distance in found.nearest], atol=1e-9)
    assert there["text"] == nearest(found)
    assert there["outside"] == {name: outside(each) for name, each in found.signals.items()}
    shown = {name: (each["share"], each["since"]) for name, each in there["found"]["signals"].items()}
    assert shown == {name: (pytest.approx(each.share), each.since) for name, each in found.signals.items()}


def recorded_logs() -> dict[str, tuple[list[dict[str, Any]], str, str, int]]:
    """Every log of the tests: records, loss, data, planned steps; the same log cut off at a third under another loss."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import recorded
    finally:
        sys.path.remove(str(BENCHMARKS))
    found = {}
    for name in ("healthy", "failing", "earlier-failing"):
        for key, entry in recorded.entries(name).items():
            run = recorded.log(key, entry).run
            found[key] = (entry["records"], run.loss, run.data, run.steps)
            found[f"{key}, cut off"] = (entry["records"][: len(entry["records"]) // 3], "mine", run.data, run.steps)
    return found


def test_the_page_compares_every_recorded_log_as_doctor_does(page):
    atlas, logs = read_atlas(), recorded_logs()
    assert len(logs) > 50
    for records, loss, data, steps in logs.values():
        assert_same(page, atlas, records, loss, data, steps)


def test_a_dropped_log_is_named_as_doctor_names_it_and_drawn_over_its_band(page):
    records, loss, data, steps = recorded_logs()["D far ahead-s0"]
    said = drop(page, ("metrics.jsonl", jsonl(records)), config(loss, data, steps))
    found = compare(read_atlas(), run_curves(records, steps), loss, data, steps)
    assert said.splitlines()[0] == "metrics.jsonl: 31 records, to step 600 of 600"
    assert said.splitlines()[1:] == nearest(found) and "'D far too strong'" in said
    assert page.run("document.getElementById('loss').selectedOptions[0].textContent").startswith("minimax on digits")
    assert page.run("document.querySelectorAll('#panels path.run').length") == len(found.signals)
    assert page.run("document.querySelectorAll('#panels path.failure').length") == len(found.signals)
    assert page.run("document.getElementById('about-failure').textContent").startswith("D far too strong")
    assert page.wrong == []


@pytest.mark.parametrize("variant", ["lapgan", "cgan"])
def test_the_config_of_a_run_names_loss_data_and_planned_steps(page, variant):
    written = resolve_config(make_config(variant), toy_data(40, 32))
    text = json.dumps(written.model_dump(mode="json"), indent=2)
    facts = page.run(f"configFacts({text})")
    assert facts == {"loss": loss_of(written), "data": written.dataset.name, "steps": written.train.steps}


def test_a_log_alone_has_the_chosen_band_and_the_given_planned_steps(page):
    healthy = jsonl(log()[:26])
    assert "metrics.jsonl: 26 records, to step 500 of 500" in drop(page, ("metrics.jsonl", healthy))
    page.type("#steps", "1000")
    page.wait("document.getElementById('about-run').textContent.includes('of 1,000')")
    pooled = page.run("document.getElementById('about-run').textContent")
    page.choose("#loss", "")
    assert page.run("document.getElementById('about-band').textContent") == "Band of all 43 healthy runs."
    assert page.run("document.getElementById('about-run').textContent") != pooled
    page.type("#steps", "400")
    page.wait("document.getElementById('error').textContent")
    assert page.run("document.getElementById('error').textContent").startswith(
        "Planned steps 400: metrics.jsonl has steps to 500"
    )


def test_a_csv_file_is_read_as_doctor_reads_it(page, tmp_path):
    rows = [
        f'{r["step"]};"{r["terms"]["norm/d"]}";{"nan" if r["step"] > 900 else r["terms"]["g/adv"]};x;' for r in log()
    ]
    text = '\ufeffit;grad;loss_G;"a;b";\n' + "\r\n".join(["5;;;;", *rows])
    path = tmp_path / "x.csv"
    path.write_text(text.replace("5;;;;\r\n", ""), encoding="utf-8", newline="")
    page.type("#columns", "step=it,norm/d=grad, g=loss_G")
    said = drop(page, ("x.csv", text))
    records = read_csv(path, parse_map("step=it,norm/d=grad, g=loss_G"))
    assert page.run("state.records") == records and len(records) == len(log())
    first = read_atlas().healthy[0]
    found = compare(read_atlas(), run_curves(records, STEPS), first.loss, first.data, STEPS)
    assert said.splitlines()[1:] == nearest(found)


@pytest.mark.parametrize(
    ("name", "content", "columns", "line"),
    [
        ("metrics.jsonl", "", "d=d", "metrics.jsonl has logged nothing yet"),
        ("x.csv", "", "d=d", "x.csv has no column 'step'; its columns: none"),
        ("metrics.jsonl", '{"step": 1', "d=d", "metrics.jsonl has logged nothing yet"),
        ("m.jsonl", '{"step": 1, "terms": {}}\nx\n', "d=d", "m.jsonl, line 2: not a record with a step and terms"),
        ("m.jsonl", '{"step": 1, "terms": {"d/real": "<b>"}}\n', "d=d", "m.jsonl, line 1: not a record"),
        ("config.json", "{}", "d=d", "config.json is not the config of a run"),
        ("x.csv", "a,b\n1,2\n", "d=b", "x.csv has no column 'step'; its columns: a, b"),
        ("x.csv", "step,b\n1,2\n", "d", "Columns d: expected SIGNAL=COLUMN"),
        ("x.csv", "step,b\n1,2\n", "e=b", "no signal is called 'e'; the signals: d, g, norm/d"),
        ("x.csv", "step,b\n1,2\n", "step=b", "Columns step=b: no signal is mapped"),
        ("x.csv", "step,b\n1,x\n", "d=b", "x.csv, line 2: 'x' is not a number"),
        ("x.csv", "step,b\n1,0x10\n", "d=b", "x.csv, line 2: '0x10' is not a number"),
        ("x.csv", "step,b\nx,2\n", "d=b", "x.csv, line 2: the step 'x' is not a whole number"),
        ("x.csv", "step,b\n5,2\n5,2\n", "d=b", "x.csv: step 5 after step 5; expected growing steps"),
        ("x.csv", "step,b\n,\n", "d=b", "x.csv has no row with a step and a value"),
    ],
)
def test_a_wrong_file_is_one_line_and_the_next_one_is_read(page, name, content, columns, line):
    page.type("#columns", columns)
    said = drop(page, (name, content))
    assert said.startswith(line) and "\n" not in said
    assert page.run("document.querySelectorAll('#panels path.run').length") == 0
    assert "records" in drop(page, ("metrics.jsonl", jsonl(log()))) and page.wrong == []


def test_a_failure_shows_what_is_seen_first_and_its_remedy(page):
    atlas = read_atlas()
    for place, each in enumerate(atlas.sick):
        page.choose("#failure", str(place))
        shown = page.run("document.getElementById('about-failure').textContent")
        assert each.name in shown and each.cause in shown and each.remedy in shown and "Seen first" in shown
        assert page.run("[state.loss, state.data]")[0] == each.loss
    place = next(i for i, each in enumerate(atlas.sick) if each.name == "D's rate x100, no norm")
    page.choose("#failure", str(place))
    shown = page.run("document.getElementById('about-failure').textContent")
    assert "Seen firststep 16: G's gradient" in shown and "315 steps later: pixel diversity" in shown
    assert page.run("document.querySelectorAll('#pictures img').length") == 4
    page.choose("#failure", "")
    assert page.run("document.getElementById('about-failure').textContent") == "" and page.wrong == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1300])
def test_the_page_can_be_read_and_used_from_the_keyboard(tab, atlas_page, width, scheme):
    page = opened(tab, atlas_page.PAGE, width, scheme)
    records, loss, data, steps = recorded_logs()["ssgan, rates x100-s0"]
    drop(page, (f"{'y' * 120}.jsonl", jsonl(records)), config(loss, data, steps))
    assert page.run(WIDER) == [] and page.run("document.documentElement.scrollWidth") == width
    assert page.run(NAMELESS) == []
    assert min(page.run("[...document.querySelectorAll('.axis')].map((each) => each.children.length)")) >= 2
    assert page.run("[...document.images].every((image) => image.naturalWidth > 0)")
    assert page.run("document.images.length") == 8
    assert page.run("performance.getEntriesByType('resource').map((each) => each.name)") == []
    reached = []
    page.run("document.activeElement.blur()")
    for _ in range(6):
        page.key("Tab", 9)
        reached.append(page.run("document.activeElement.id || document.activeElement.className"))
    assert reached == ["loss", "failure", "file", "columns", "steps", "scroll"]
    page.run("document.getElementById('loss').focus()")
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert page.wrong == []


def test_the_file_is_complete_and_small(atlas_page):
    text = atlas_page.PAGE.read_text(encoding="utf-8")
    assert len(text) < 5_000_000
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "") and "https://" not in text
    assert "<noscript>" in text and all(each.remedy.replace("'", "&#39;") in text for each in read_atlas().sick)


def test_a_grown_atlas_with_a_color_set_and_pictures(tab, atlas_page, tmp_path, monkeypatch):
    monkeypatch.setattr(atlas_page, "PICTURES", tmp_path)
    runs = [Run("nsgan", data, STEPS, curves(seed=seed)) for data in ("digits", "cifar10") for seed in range(3)]
    sick = [failed("exploded", exploded), failed("exploded", exploded, "hinge"), failed(NASTY, collapsed)]
    atlas = build(runs, sick)
    for step in (128, 1000):
        sheet = Image.effect_noise((274, 274), 80).convert("RGB")
        sheet.save(tmp_path / "sheet.png")
        content = atlas_page.smaller(tmp_path / "sheet.png", whole=False)
        (tmp_path / f"healthy-nsgan-cifar10-{step:08d}.webp").write_bytes(content)
    (tmp_path / "page.html").write_text(atlas_page.render(atlas), encoding="utf-8")
    page = opened(tab, tmp_path / "page.html", 400)
    page.choose("#loss", "0")
    assert page.run("state.data") == "cifar10"
    assert page.run("[...document.querySelectorAll('#pictures img')].map((e) => e.naturalWidth)") == [274, 274]
    page.choose("#loss", "1")
    assert page.run("document.querySelectorAll('#pictures img').length") == 0
    said = drop(page, ("metrics.jsonl", jsonl(log(change=exploded))), config(data="cifar10"))
    assert said.splitlines()[1].startswith("most like the failure 'exploded'") and page.run("state.data") == "cifar10"
    page.choose("#failure", "2")
    assert page.run(WIDER) == [] and page.run("window.hacked === undefined") and page.wrong == []


def test_an_atlas_without_failures_and_one_without_runs(tab, atlas_page, tmp_path):
    for name, atlas in {
        "healthy": build([Run("nsgan", "digits", STEPS, curves())], []),
        "empty": build([], []),
    }.items():
        path = tmp_path / f"{name}.html"
        path.write_text(atlas_page.render(atlas), encoding="utf-8")
        said = drop(opened(tab, path), ("metrics.jsonl", jsonl(log())))
        assert ("no comparison" in said) == (name == "empty") and tab.wrong == []


def test_the_small_atlas_in_the_page(tab, atlas_page, tmp_path):
    """A signal outside for some time only, rounding of halves, and both sides of the band."""

    def early(terms: dict[str, Any], at: float) -> None:
        terms["norm/d"] *= 1000 if 0.1 < at < 0.6 else 1
        terms["norm/g"] = 0.0 if at > 0.55 else None

    path, atlas = tmp_path / "page.html", small_atlas()
    path.write_text(atlas_page.render(atlas), encoding="utf-8")
    page = opened(tab, path)
    for change, steps in ((early, 1000), (collapsed, 1100), (exploded, 1020), (None, 2000)):
        assert_same(page, atlas, log(every=7, change=change), "wgan", "photos", steps)
