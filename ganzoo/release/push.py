"""Upload to the Hugging Face Hub: release files, model card, and a Space that serves the demo (`ganzoo push`)."""

import json
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ganzoo import __version__
from ganzoo.builder import needs_plugin
from ganzoo.errors import DISTRIBUTION, InputError, escape, missing_extra
from ganzoo.image_io import save_png
from ganzoo.release.card import DATASETS, UNSTATED, card_title, model_card
from ganzoo.sampling import Sampler, load
from ganzoo.sampling.checkpoints import hub_errors, import_hub, release_folder, repository_name
from ganzoo.training.release import DISPLAY_FILES, NEIGHBORS_FILE, REQUIRED_FILES

README = "README.md"
"""The page of the repository, rewritten by each push."""
RELEASE_FILES = (*REQUIRED_FILES, *DISPLAY_FILES, NEIGHBORS_FILE, README)


SPACE_FILES = ("app.py", "requirements.txt", README)
"""Files of a Space in addition to the release."""

APP = '''"""The demo of ganzoo for the release in this folder, written by 'ganzoo push --space'."""

from pathlib import Path

from ganzoo.ui.demo import build_demo, load_images
from ganzoo.ui.server import launch

demo = build_demo({{{name!r}: load_images(Path(__file__).parent)}})

if __name__ == "__main__":
    launch(demo)
'''


def check_foreign_files(folder: Path) -> None:
    """Raise `InputError` if a release folder holds files that are not part of a release."""
    strangers = sorted(path.name for path in folder.iterdir() if path.name not in RELEASE_FILES or not path.is_file())
    if strangers:
        raise InputError(
            f"{folder} holds {', '.join(strangers)}: a release has only {', '.join(RELEASE_FILES)}; "
            "move the other files away"
        )


def copy_release(release: Path, folder: Path) -> None:
    """Copy the existing files of a release into the existing `folder`."""
    for name in RELEASE_FILES:
        if (release / name).is_file():
            shutil.copyfile(release / name, folder / name)


def push(checkpoint: str | Path, address: str, licence: str | None = None, space: bool = False) -> list[str]:
    """Upload a release (of a run, a folder, a bundled name) to `address` = hf:user/name; returns the URLs.

    The repository is created if needed; an existing one gets a new version. README.md is the model card, under `licence`
    (the Hub's identifier) or that of card.json. With `space`, a Space of the same name that serves the release's demo is
    uploaded as well. Raises `InputError`, before any upload, for a folder with files that are not part of a release, for
    weights that do not match card.json, and for a release that a Space cannot serve.
    """
    name, folder = repository_name(address), release_folder(checkpoint)
    check_foreign_files(folder)
    sampler, api = load(folder), import_hub().HfApi()
    if space:
        check_space(sampler)
    message = f"ganzoo push: {sampler.config.variant}"
    with TemporaryDirectory() as staged:
        stage(folder, sampler, Path(staged), address, licence)
        urls = [upload(api, address, staged, message, repo_type="model")]
        if space:
            write_space(Path(staged), sampler, name, licence)
            urls.append(upload(api, address, staged, message, repo_type="space", space_sdk="gradio"))
    return urls


def upload(api: Any, address: str, folder: str, message: str, repo_type: str, **options: str) -> str:
    """Upload a release or a Space from `folder`, creating the repository with `options` if needed; returns the URL."""
    name, files = repository_name(address), [*RELEASE_FILES, *SPACE_FILES]
    with hub_errors(address):
        url = api.create_repo(name, exist_ok=True, repo_type=repo_type, **options)
        api.upload_folder(
            repo_id=name, repo_type=repo_type, folder_path=folder, allow_patterns=files, commit_message=message
        )
    return str(url)


def stage(release: Path, sampler: Sampler, folder: Path, address: str, licence: str | None) -> None:
    """Collect the upload in `folder`: the unchanged release, its model card, and a sample grid if the release has none."""
    copy_release(release, folder)
    if not (folder / "grid.png").exists():
        save_png(sampler.grid(), folder / "grid.png")
    (folder / README).write_text(model_card(sampler.card, address, licence), encoding="utf-8")


def check_space(sampler: Sampler) -> None:
    """Raise `InputError` for a release that a Space cannot serve, or if Gradio (whose version it pins) is not installed."""
    gradio_version()
    if sampler.is_points:
        raise InputError(
            f"--space: {sampler.config.variant} makes points, but the demo shows images; leave --space out"
        )
    if needs_plugin(sampler.config):
        raise InputError(f"--space: {sampler.config.variant} needs a plugin, which a Space lacks; leave --space out")


def write_space(folder: Path, sampler: Sampler, name: str, licence: str | None = None) -> None:
    """Add the files of the Space `name` = user/name to a release `folder`, under `licence` or that of the card.

    An existing README.md, such as the model card, is replaced.
    """
    (folder / "app.py").write_text(APP.format(name=name), encoding="utf-8")
    (folder / "requirements.txt").write_text(f"{DISTRIBUTION}[demo]=={__version__}\n", encoding="utf-8")
    (folder / README).write_text(space_readme(sampler, name, licence), encoding="utf-8")


def space_readme(sampler: Sampler, name: str, licence: str | None) -> str:
    """README.md of the Space: the Hub's settings, then one sentence. Values are JSON, which is valid YAML."""
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
    """The installed version of Gradio; raises `InputError` if it is not installed."""
    try:
        return version("gradio")
    except PackageNotFoundError:
        raise missing_extra("gradio", "demo", "--space") from None
