"""The files of a release: which there may be, and copies of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from ganzoo.errors import InputError
from ganzoo.release.card import model_card
from ganzoo.release.sample_grid import draw_grid
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


def push(checkpoint: str | Path, address: str, licence: str | None = None) -> str:
    """Upload a release (of a run, a folder, a name that ships) to `address` = hf:user/name; returns where it can be seen.

    The repository is made if it is not there; one that is gets a new version. README.md is the model card, under `licence`
    (as the Hub abbreviates it) or what card.json says. Raises `InputError`, before anything is sent, for a folder with other
    files than those of a release, and for weights that are not what card.json describes.
    """
    name, folder = repository_name(address), release_folder(checkpoint)
    check_foreign_files(folder)
    sampler, hub = load(folder), import_hub()
    with TemporaryDirectory() as staged:
        stage(folder, sampler, Path(staged), address, licence)
        with hub_errors(address):
            api = hub.HfApi()
            url = api.create_repo(name, exist_ok=True)
            message = f"ganzoo push: {sampler.config.variant}"
            api.upload_folder(
                repo_id=name, folder_path=staged, allow_patterns=list(RELEASE_FILES), commit_message=message
            )
    return str(url)


def stage(release: Path, sampler: Sampler, folder: Path, address: str, licence: str | None) -> None:
    """Everything that is uploaded, in one folder: the release as it is, its model card, and a grid if it has none."""
    copy_release(release, folder)
    if not (folder / "grid.png").exists():
        draw_grid(sampler, folder / "grid.png")
    (folder / README).write_text(model_card(sampler.card, address, licence), encoding="utf-8")
