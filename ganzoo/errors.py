"""What can be wrong with the user's input, and the words for it."""

from collections.abc import Iterable
from difflib import get_close_matches

DISTRIBUTION = "ganzoo-torch"
"""The name on PyPI, for every install hint (`ganzoo` there is somebody else's package)."""


def escape(text: str) -> str:
    r"""`text` on one line, with each control character, line break and other unprintable character as `\x1b` or `\n`.

    For every string from outside (files, folder names, classes, releases, plugins) on its way to a terminal. What is
    printable stays, so that escaping twice changes nothing.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class InputError(ValueError):
    """The user's input is wrong: one line that says what, where and what to do instead (exit code 2)."""

    def __init__(self, message: str = "") -> None:
        super().__init__(escape(message))


class DamagedFile(InputError):
    """A file of ours does not hold what was written to it."""


class TrainingFailed(RuntimeError):
    """The training diverged; everything up to the last finite state is saved (exit code 1)."""


class Interrupted(Exception):
    """The user stopped the training; everything is saved (exit code 130)."""


def first_line(error: Exception, which: int = 0) -> str:
    """What an error of somebody else's library says, in its first line that is not empty, or in the last (-1)."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return ([line.strip() for line in said.splitlines() if line.strip()] or [type(error).__name__])[which]


def unknown_name(what: str, name: str, known: Iterable[str]) -> InputError:
    """`InputError` for a misspelt `name`: names the nearest valid one, or all of them."""
    choices = {choice.lower(): choice for choice in sorted(known)}
    close = get_close_matches(name.lower(), choices, n=1, cutoff=0.6)
    hint = f"did you mean {choices[close[0]]!r}?" if close else f"choose from: {', '.join(choices.values()) or 'none'}"
    return InputError(f"no {what} is called {name!r}; {hint}")


def missing_extra(package: str, extra: str, purpose: str) -> InputError:
    """`InputError` for an optional dependency that is not installed."""
    return InputError(f"{purpose} needs the package {package!r}: pip install '{DISTRIBUTION}[{extra}]'")
