"""The files of a release: which there may be, and copies of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ganzoo.errors import InputError
from ganzoo.image_io import save_png
from ganzoo.release.card import model_card
from ganzoo.release.space import SPACE_FILES, check_space, write_space
from ganzoo.sampling import Sampler, load
from ganzoo.sampling.checkpoints import release_folder
from ganzoo.sampling.hub import hub_errors, import_hub, repository_name
from ganzoo.training.release import DISPLAY_FILES, REQUIRED_FILES

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
