"""A page in headless Chromium: what it shows at a width, in light and dark, after the presses of a reader."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SCHEMES = {"dark": 0, "light": 1}

# Runs before anything of the page does: whatever goes wrong is noted.
LISTEN = """<script>
window.wrong = [];
addEventListener("error", (e) => wrong.push("error: " + (e.message || e.target.outerHTML)), true);
addEventListener("unhandledrejection", (e) => wrong.push("rejection: " + e.reason));
addEventListener("securitypolicyviolation", (e) => wrong.push("blocked: " + e.blockedURI));
for (const kind of ["error", "warn"]) console[kind] = (...words) => wrong.push(kind + ": " + words.join(" "));
</script>"""

# Runs once the page is there: tells the outer page what it finds; PRESSES are columns of the first table.
TELL = """<script>
addEventListener("load", () => {
  const table = document.querySelector("table.sortable"), told = {orders: []};
  const order = () => [...table.tBodies[0].rows].map((row) => row.cells[0].textContent.trim());
  const marks = () => [...table.querySelectorAll("th[aria-sort]")].map((th) => [th.textContent.trim(), th.ariaSort]);
  const note = () => told.orders.push({rows: order(), marks: marks()});
  note();
  for (const title of PRESSES) {
    const button = [...table.querySelectorAll("th button")].find((b) => b.textContent === title);
    button.focus();
    told.focused = document.activeElement === button;
    button.click();
    note();
  }
  for (const each of document.querySelectorAll("details")) each.open = true;
  const box = document.documentElement;
  const outside = [...document.body.querySelectorAll("*")].filter((e) => !e.closest(".scroll, svg"));
  told.width = innerWidth;
  told.needed = box.scrollWidth;
  const beyond = (e) => e.getBoundingClientRect().right > innerWidth + 0.5;
  told.too_wide = outside.filter(beyond).map((e) => e.outerHTML.slice(0, 90));
  told.scrolls = [...document.querySelectorAll(".scroll")].some((e) => e.scrollWidth > e.clientWidth);
  told.fetched = performance.getEntriesByType("resource").map((entry) => entry.name);
  told.pictures = [...document.images].map((image) => image.naturalWidth);
  const shades = getComputedStyle(box);
  const names = ["page", "ink", "quiet", "first", "second", "alarm"];
  told.colours = Object.fromEntries(names.map((name) => [name, shades.getPropertyValue("--" + name).trim()]));
  told.background = getComputedStyle(document.body).backgroundColor;
  told.axis = getComputedStyle(document.querySelector("figure svg text")).fill;
  told.not_hacked = window.hacked === undefined;
  told.wrong = wrong;
  parent.document.getElementById("told").textContent = JSON.stringify(told);
});
</script>"""


def executable() -> str:
    """The browser; without one a test is skipped, and fails where `CI` is set (unless `.ci/run` could install none)."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        strict = os.environ.get("CI") and not os.environ.get("GANZOO_WITHOUT_BROWSER")
        (pytest.fail if strict else pytest.skip)("no Chromium on this machine")
    return found


def visit(
    page: str, folder: Path, *, width: int, scheme: str = "light", presses: tuple[str, ...] = ()
) -> dict[str, Any]:
    """What the page tells of itself in a window `width` pixels wide.

    It stands in a frame of that width, since the window of a browser has a least width of its own.
    """
    page = page.replace("<head>", f"<head>{LISTEN}", 1)
    page = page.replace("</body>", f"{TELL.replace('PRESSES', json.dumps(presses))}</body>", 1)
    frame = f'<iframe width="{width}" height="900" style="border:0" srcdoc="{html.escape(page)}"></iframe>'
    outer = folder / "outer.html"
    outer.write_text(f'<!doctype html><meta charset="utf-8"><pre id="told"></pre>{frame}', encoding="utf-8")
    dumped = chromium(outer, folder, scheme)
    told = re.search(r'<pre id="told">(.*?)</pre>', dumped.stdout, re.DOTALL)
    assert told and told[1], dumped.stderr
    return json.loads(html.unescape(told[1])) | {"console": re.findall(r".*CONSOLE.*", dumped.stderr)}


def chromium(page: Path, folder: Path, scheme: str) -> subprocess.CompletedProcess[str]:
    """The page as it is in the end, and what the browser wrote of it."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--window-size=1400,1000"]
    options += [f"--user-data-dir={folder / 'profile'}", f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}"]
    command = [executable(), *options, "--dump-dom", page.resolve().as_uri()]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=True)
