"""docs/reports/atlas.html: the atlas as one page without a server, which compares a log that the reader drops onto it.

The page has the comparison of ganzoo/atlas in JavaScript (atlas_web/) with the same constants.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from ganzoo.atlas import compare
from ganzoo.atlas import curves as grid
from ganzoo.atlas.store import Atlas, Healthy, Sick, loss_of
from ganzoo.experiments import report
from ganzoo.markup import environment
from ganzoo.training.run_dir import RunDir
from ganzoo.training.run_history import RECENT

PAGE = Path(__file__).parents[1] / "docs/reports/atlas.html"
WEB = Path(__file__).with_name("atlas_web")
PICTURES = WEB / "pictures"
SHOWN = (1 / 8, 1 / 4, 1 / 2, 1.0)  # shares of a run at which its pictures are kept
STEP = "[0-9]" * 8
QUALITIES = (60, 40, 20, 5)  # of WebP
LARGEST = 9000  # bytes of a picture, so that the four of 73 runs and failures and the curves take less than 5 MB
IMAGE_SIGNALS = ("variety/pixels", "unrest/lately")
"""Signals that are measured on the images alone."""
COMPARED = ("MARGIN", "SLACK", "CLIP", "VISIBLE", "OUTSIDE_SHARE", "NAMED")


def keep_pictures(run: Path, failure: str = "") -> None:
    """Keep the sample grids of a run for the page, at the kept steps nearest to `SHOWN`."""
    opened = RunDir(run)
    config, grids = opened.config(), {int(path.stem): path for path in opened.samples.glob("*.png")}
    wanted = {min(grids, key=lambda step: abs(step - share * config.train.steps)) for share in SHOWN if grids}
    names = slug(failure, loss_of(config), config.dataset.name)
    for old in PICTURES.glob(f"{names}-{STEP}.webp"):
        old.unlink()
    PICTURES.mkdir(exist_ok=True)
    for step in wanted:
        content = smaller(grids[step], whole=config.dataset.is_points)
        (PICTURES / f"{names}-{step:08d}.webp").write_bytes(content)


def slug(failure: str, loss: str, data: str) -> str:
    """The names of the pictures of a failure (empty = healthy), before the step."""
    return re.sub(r"[^a-z0-9]+", "-", f"{failure or 'healthy'} {loss} {data}".lower())


def smaller(path: Path, *, whole: bool) -> bytes:
    """A sample grid as WebP of `LARGEST` bytes or little more; its upper half, unless `whole`."""
    with Image.open(path) as image:
        shown = image if whole else image.crop((0, 0, image.width, image.height // 2 + 1))
        for quality in QUALITIES:
            content = io.BytesIO()
            shown.save(content, "WEBP", quality=quality, method=6)
            if content.tell() <= LARGEST:
                break
    return content.getvalue()


def pictures(each: Healthy | Sick) -> list[dict[str, Any]]:
    """Step and data URI of each picture that is kept of these runs."""
    found = sorted(PICTURES.glob(f"{slug(getattr(each, 'name', ''), each.loss, each.data)}-{STEP}.webp"))
    return [{"step": int(path.stem[-8:]), "source": data_uri(path)} for path in found]


def data_uri(path: Path) -> str:
    """A WebP file as a data URI."""
    return f"data:image/webp;base64,{base64.b64encode(path.read_bytes()).decode()}"


def with_pictures(runs: Iterable[Healthy | Sick]) -> list[dict[str, Any]]:
    """Entries of the atlas with their pictures."""
    return [each.model_dump(mode="json") | {"pictures": pictures(each)} for each in runs]


def data_of(atlas: Atlas) -> dict[str, Any]:
    """The data that the scripts of the page read."""
    constants = {name: getattr(compare, name) for name in COMPARED}
    constants |= {"POINTS": grid.POINTS, "LIMIT": grid.LIMIT, "TINY": grid.TINY, "RECENT": RECENT}
    signals = {name: each._asdict() | {"scale": each.scale.__name__} for name, each in grid.SIGNALS.items()}
    return {
        "constants": constants,
        "signals": signals,
        "image_signals": IMAGE_SIGNALS,
        "healthy": with_pictures(atlas.healthy),
        "pooled": atlas.pooled,
        "sick": with_pictures(atlas.sick),
    }


def render(atlas: Atlas) -> str:
    """The HTML of the page."""
    templates = environment(WEB, Path(report.__file__).parent)
    templates.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    values = {
        "atlas": atlas,
        "data": data_of(atlas),
        "runs": sum(each.runs for each in atlas.healthy),
        "losses": len({each.loss for each in atlas.healthy}),
        "failures": sorted(enumerate(atlas.sick), key=lambda pair: pair[1].name.lower()),
        "kinds": sorted({each.name: each for each in atlas.sick}.values(), key=lambda each: each.name.lower()),
        "points": grid.POINTS,
        "slack": compare.SLACK,
    }
    return templates.get_template("page.html.j2").render(values)


def write(atlas: Atlas) -> None:
    """Write the page."""
    PAGE.write_text(render(atlas), encoding="utf-8")
