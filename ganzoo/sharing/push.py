"""A release -> a repository on the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from ganzoo.sampling import Sampler, load
from ganzoo.sampling.checkpoints import release_folder
from ganzoo.sampling.hub import library, reaching, repository
from ganzoo.sharing.files import FILES, README, copy, refuse_strangers
from ganzoo.sharing.front_matter import model_card
from ganzoo.sharing.pictures import draw_grid
from ganzoo.sharing.recipe import command


def push(checkpoint: str | Path, address: str, licence: str | None = None) -> str:
    """Upload a release (of a run, a folder, a name that ships) to `address` = hf:user/name; returns where it can be seen.

    The repository is made if it is not there; one that is gets a new version. README.md is the model card, under `licence`
    (as the Hub abbreviates it) or what card.json says. Raises `InputError`, before anything is sent, for a folder with other
    files than those of a release, and for weights that are not what card.json describes.
    """
    name, folder = repository(address), release_folder(checkpoint)
    refuse_strangers(folder)
    sampler, hub = load(folder), library()
    with TemporaryDirectory() as staged:
        stage(folder, sampler, Path(staged), address, licence)
        with reaching(address):
            api = hub.HfApi()
            url = api.create_repo(name, exist_ok=True)
            message = f"ganzoo push: {sampler.config.variant}"
            api.upload_folder(repo_id=name, folder_path=staged, allow_patterns=list(FILES), commit_message=message)
    return str(url)


def stage(release: Path, sampler: Sampler, folder: Path, address: str, licence: str | None) -> None:
    """Everything that is uploaded, in one folder: the release as it is, its model card, and a grid if it has none."""
    copy(release, folder)
    if not (folder / "grid.png").exists():
        draw_grid(sampler, folder / "grid.png")
    card = model_card(sampler.card, address, licence, command(sampler.config))
    (folder / README).write_text(card, encoding="utf-8")
