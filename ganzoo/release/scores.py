"""Scores in the card of a release (`ganzoo evaluate --save`), which the gallery and the model card show."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from ganzoo.atomic_io import write_bytes, write_json
from ganzoo.errors import InputError
from ganzoo.evaluation import Evaluation
from ganzoo.json_io import read_table
from ganzoo.release.card import card_markdown
from ganzoo.sampling.checkpoints import RELEASE_FOLDERS, is_address, release_folder
from ganzoo.training.release import Card
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
    path = release / "card.json"
    with training_lock(release):
        card = read_table(path, Card)
        if card["sha256"] != sha256:
            raise InputError(
                f"{release} got new weights during the evaluation; the scores are not saved, evaluate again"
            )
        scores = {score["name"]: score for score in (*card.get("scores", []), *(s.as_json() for s in found.scores))}
        card |= {"scores": [*scores.values()], "evaluation": found.facts}
        write_json(path, card)
        if (release / "card.md").is_file():
            write_bytes(release / "card.md", card_markdown(card, release.name).encode())
    return path


def training_lock(release: Path) -> AbstractContextManager[None]:
    """Context in which no process trains the run of a release, if it belongs to one; raises `InputError` if one does."""
    run = RunDir(release.parent)
    return run.training_lock() if run.config_file.is_file() else nullcontext()
