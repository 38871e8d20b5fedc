"""The part of huggingface_hub that is used, on a folder in the place of the Hub."""

from __future__ import annotations

import shutil
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType

PLACES = {"model": "", "space": "spaces/"}


class HTTPError(Exception):
    """The HTTP library's own."""


class HfHubHTTPError(HTTPError, OSError):
    """The Hub's answer that there is no such thing; both bases, as the real one has them."""


class Hub:
    """`folder`/user/name is a repository, `folder`/spaces/user/name a Space; `log` is what was called."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log, self.offline = folder, [], False

    def modules(self) -> dict[str, ModuleType]:
        hub, errors = ModuleType("huggingface_hub"), ModuleType("huggingface_hub.errors")
        hub.HfApi, hub.snapshot_download, hub.errors = lambda: self, self.snapshot_download, errors
        errors.HfHubHTTPError = HfHubHTTPError
        return {"huggingface_hub": hub, "huggingface_hub.errors": errors}

    def create_repo(self, repo_id, *, exist_ok=False, repo_type=None, space_sdk=None):
        self.answer("create_repo", repo_id)
        assert (space_sdk is not None) == (repo_type == "space"), "the real one wants an SDK for a Space alone"
        (self.folder / PLACES[repo_type] / repo_id).mkdir(parents=True, exist_ok=exist_ok)
        return f"https://huggingface.co/{PLACES[repo_type]}{repo_id}"

    def upload_folder(self, *, repo_id, folder_path, repo_type=None, allow_patterns=None, commit_message=None):
        self.answer("upload_folder", repo_id)
        self.move(Path(folder_path), self.folder / PLACES[repo_type] / repo_id, allow_patterns)

    def snapshot_download(self, repo_id, *, allow_patterns=None):
        self.answer("snapshot_download", repo_id)
        if not (self.folder / repo_id).exists():
            raise HfHubHTTPError(f"404 Client Error.\n\nRepository Not Found: {repo_id}")
        target = self.folder / "cache" / repo_id
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        self.move(self.folder / repo_id, target, allow_patterns)
        return str(target)

    def answer(self, what, repo_id):
        self.log.append((what, repo_id))
        if self.offline:
            raise HTTPError("Connection refused")

    def move(self, source, target, patterns):
        for path in source.iterdir():
            if any(fnmatch(path.name, pattern) for pattern in patterns):
                shutil.copyfile(path, target / path.name)
