"""A Hugging Face Space: the folder that serves the demo of one release."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ganzoo import __version__
from ganzoo.builder import needs_plugin
from ganzoo.errors import DISTRIBUTION, InputError, escape, missing_extra
from ganzoo.release.card import DATASETS, UNSTATED, card_title
from ganzoo.sampling import Sampler

SPACE_FILES = ("app.py", "requirements.txt", "README.md")
"""The files of a Space besides the release."""

APP = '''"""The demo of ganzoo for the release in this folder, written by 'ganzoo push --space'."""

from pathlib import Path

from ganzoo.ui.demo import build_demo, load_images
from ganzoo.ui.server import launch

demo = build_demo({{{name!r}: load_images(Path(__file__).parent)}})

if __name__ == "__main__":
    launch(demo)
'''


def check_space(sampler: Sampler) -> None:
    """Raise `InputError` for a release that a Space cannot serve, and if Gradio, whose version it gets, is not installed."""
    gradio_version()
    if sampler.is_points:
        raise InputError(f"--space: {sampler.config.variant} makes points; the demo shows pictures")
    if needs_plugin(sampler.config):
        raise InputError(f"--space: {sampler.config.variant} needs a plugin, which a Space does not have")


def write_space(folder: Path, sampler: Sampler, name: str, licence: str | None = None) -> None:
    """Write the files that make a `folder` with a release the Space `name` = user/name, under `licence` or the card's.

    README.md, which may be a model card, is replaced.
    """
    (folder / "app.py").write_text(APP.format(name=name), encoding="utf-8")
    (folder / "requirements.txt").write_text(f"{DISTRIBUTION}[demo]=={__version__}\n", encoding="utf-8")
    (folder / "README.md").write_text(space_readme(sampler, name, licence), encoding="utf-8")


def space_readme(sampler: Sampler, name: str, licence: str | None) -> str:
    """README.md of the Space: the settings that the Hub reads, then a sentence. Values are JSON, which is YAML too."""
    card, data = sampler.card, DATASETS.get(sampler.card["data"])
    settings = {
        "title": card_title(card),
        "sdk": "gradio",
        "sdk_version": gradio_version(),
        "python_version": "3.11",  # the Hub's default is older than ganzoo needs
        "app_file": "app.py",
        "license": licence or card.get("licence") or UNSTATED,
        "models": [name],
        "datasets": [data] if data else [],
        "tags": ["gan", "ganzoo"],
    }
    lines = (f"{key}: {escape(json.dumps(value, ensure_ascii=False))}" for key, value in settings.items() if value)
    head = "\n".join(lines)
    return f"---\n{head}\n---\n\nThe demo of [{name}](https://huggingface.co/{name}): one seed is one image.\n"


def gradio_version() -> str:
    """The version of Gradio on this machine; raises `InputError` if it is not installed."""
    try:
        return version("gradio")
    except PackageNotFoundError:
        raise missing_extra("gradio", "demo", "--space") from None
