"""Scores and nearest training images in the card of a release (`ganzoo evaluate --save`)."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from torch import Tensor

from ganzoo.atomic_io import write_bytes, write_json
from ganzoo.config.tables import Table
from ganzoo.errors import InputError
from ganzoo.evaluation import Evaluation
from ganzoo.image_io import save_png
from ganzoo.json_io import read_table
from ganzoo.release.card import card_markdown
from ganzoo.sampling.checkpoints import RELEASE_FOLDERS, is_address, release_folder
from ganzoo.training.release import NEIGHBORS_FILE, Card
from ganzoo.training.run_dir import RunDir


def release_to_score(checkpoint: str | Path) -> Path:
    """The release folder that keeps the scores of a run or release.

    Raises `InputError` for a bundled release, for one on the Hub, and for a run that is being trained.
    """
    if is_address(checkpoint):
        raise InputError(f"--save: {checkpoint} is not on this machine; use a run or a release folder, or drop --save")
    folder = release_folder(checkpoint)
    if folder.resolve().parent in [bundled.resolve() for bundled in RELEASE_FOLDERS]:
        raise InputError(f"--save: {folder} is a bundled release and stays as it is; evaluate a copy of that folder")
    with training_lock(folder):  # refused now, not after the evaluation
        return folder


def save_scores(found: Evaluation, release: Path, sha256: str) -> Path:
    """Add scores, and the facts of their measurement, to card.json (and card.md) of a release; returns card.json.

    A score replaces one with the same protocol; others stay. `sha256` is that of the weights that were scored. Raises
    `InputError`, and writes nothing, if the release has other weights by now.
    """
    with opened_card(release, sha256) as card:
        scores = {score["name"]: score for score in (*card.get("scores", []), *(s.as_json() for s in found.scores))}
        card |= {"scores": [*scores.values()], "evaluation": found.facts}
    return release / "card.json"


def save_neighbors(picture: Tensor, release: Path, sha256: str) -> Path:
    """Add `picture` (C, H, W), samples next to their nearest training images, to a release and its card; returns its file.

    `sha256` and errors are as in `save_scores`.
    """
    with opened_card(release, sha256) as card:
        save_png(picture, release / NEIGHBORS_FILE)
        card["neighbors"] = True
    return release / NEIGHBORS_FILE


@contextmanager
def opened_card(release: Path, sha256: str) -> Iterator[Table]:
    """The card of a release, for changes in the block; afterwards card.json and card.md are written. Errors: `save_scores`."""
    path = release / "card.json"
    with training_lock(release):
        card = read_table(path, Card)
        if card["sha256"] != sha256:
            raise InputError(
                f"{release} got new weights during the evaluation; the scores are not saved, evaluate again"
            )
        yield card
        write_json(path, card)
        if (release / "card.md").is_file():
            write_bytes(release / "card.md", card_markdown(card, release.name).encode())


def training_lock(release: Path) -> AbstractContextManager[None]:
    """Context in which no process trains the run of a release, if it belongs to one; raises `InputError` if one does."""
    run = RunDir(release.parent)
    return run.training_lock() if run.config_file.is_file() else nullcontext()
