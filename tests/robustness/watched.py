"""Processes that end as in a power cut: killed just before one of the operations that change the files of a folder."""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

CHANGES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree")
"""Audit events; os.replace raises os.rename too."""
DIRECTORY = {"os.remove": 1, "os.rmdir": 1, "os.mkdir": 2, "shutil.rmtree": 1, "os.rename": 2}
"""Which argument of an event is the descriptor of the folder that its path starts from."""

Work = Callable[[], object]


class Point(NamedTuple):
    """A moment to be killed at."""

    number: int
    """Before the operation of this number, from 0."""
    torn: bool = False
    """Whether of what the operation before wrote only half is on the disk."""


class Watch:
    """Counts the operations on files below `folder`, and kills this process at `point`."""

    def __init__(self, folder: Path, point: Point | None = None) -> None:
        self.folder, self.point, self.seen = os.path.realpath(folder), point, []
        self.written: tuple[str, int] | None = None
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        path = changed(event, arguments) if event in CHANGES else None
        if path is None or not f"{path}/".startswith(f"{self.folder}/"):
            return
        if self.point is not None and len(self.seen) == self.point.number:
            self.kill(self.point.torn)
        self.seen.append(event)
        self.written = (path, os.path.getsize(path) if os.path.exists(path) else 0) if event == "open" else None

    def kill(self, torn: bool) -> None:
        """End this process without a word."""
        self.point = None
        path, before = self.written or ("", 0)
        if torn and os.path.exists(path):
            os.truncate(path, (before + os.path.getsize(path)) // 2)
        os.kill(os.getpid(), signal.SIGKILL)


def changed(event: str, arguments: tuple[Any, ...]) -> str | None:
    """The path that an audit event is about to change, None for an event that changes none."""
    path = arguments[0]
    if isinstance(path, int) or (event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR)):
        return None
    descriptor = arguments[DIRECTORY[event]] if event in DIRECTORY else None
    base = os.getcwd() if descriptor in (None, -1) else os.readlink(f"/proc/self/fd/{descriptor}")
    return os.path.join(base, os.fsdecode(path))


def in_child(work: Work) -> int:
    """Do `work` in a child process; its exit code, or minus the signal that ended it."""
    if (child := os.fork()) == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def points(folder: Path, work: Work) -> list[Point]:
    """Every moment at which `work`, which is done in a child, can be killed."""
    listed = folder.with_name(f"{folder.name}-operations")

    def watched() -> None:
        watch = Watch(folder)
        work()
        listed.write_text(json.dumps(watch.seen))

    assert in_child(watched) == 0
    seen = json.loads(listed.read_text())
    torn = [Point(i, torn=True) for i in range(1, len(seen)) if seen[i - 1] == "open"]
    return sorted([Point(i) for i in range(len(seen))] + torn)


def killed(folder: Path, work: Work, point: Point) -> bool:
    """Do `work` in a child that is killed at `point`; returns whether it came that far."""

    def watched() -> None:
        Watch(folder, point)
        work()

    code = in_child(watched)
    assert code in (0, -signal.SIGKILL), "a failure that is printed above"
    return code != 0
