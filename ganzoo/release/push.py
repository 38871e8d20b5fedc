"""The files of a release: which there may be, and copies of them."""

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
from ganzoo.training.release import DISPLAY_FILES, REQUIRED_FILES

pass

README = "README.md"
"""What the Hub shows; written anew for each push."""
RELEASE_FILES = (*REQUIRED_FILES, *DISPLAY_FILES, README)


def check_foreign_files(folder: Path) -> None:
    """Raise `InputError` where a release folder holds anything else."""
    strangers = sorted(path.name for path in folder.iterdir() if path.name not in RELEASE_FILES or not path.is_file())
    if strangers:
        raise InputError(
            f"{folder} holds {', '.join(strangers)}: a release is {', '.join(RELEASE_FILES)} and nothing else"
        )


def copy_release(release: Path, folder: Path) -> None:
    """Copy the files of a release, those that there are, into a folder that exists."""
    for name in RELEASE_FILES:
        if (release / name).is_file():
            shutil.copyfile(release / name, folder / name)


def push(checkpoint: str | Path, address: str, licence: str | None = None, space: bool = False) -> list[str]:
    """Upload a release (of a run, a folder, a name that ships) to `address` = hf:user/name; returns where it can be seen.

    The repository is made if it is not there; one that is gets a new version. README.md is the model card, under `licence`
    (as the Hub abbreviates it) or what card.json says. With `space` a Space of the same name, which serves the demo of the
    release, is uploaded as well. Raises `InputError`, before anything is sent, for a folder with other files than those of a
    release, for weights that are not what card.json describes, and for a release that a Space cannot serve.
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
    """Upload a release or a Space from `folder` to a repository, made with `options` if it is not there; returns the URL."""
    name, files = repository_name(address), [*RELEASE_FILES, *SPACE_FILES]
    with hub_errors(address):
        url = api.create_repo(name, exist_ok=True, repo_type=repo_type, **options)
        api.upload_folder(
            repo_id=name, repo_type=repo_type, folder_path=folder, allow_patterns=files, commit_message=message
        )
    return str(url)


def stage(release: Path, sampler: Sampler, folder: Path, address: str, licence: str | None) -> None:
    """Everything that is uploaded, in one folder: the release as it is, its model card, and a grid if it has none."""
    copy_release(release, folder)
    if not (folder / "grid.png").exists():
        save_png(sampler.grid(), folder / "grid.png")
    (folder / README).write_text(model_card(sampler.card, address, licence), encoding="utf-8")


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
