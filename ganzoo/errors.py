"""Exceptions and their user-facing messages."""

from collections.abc import Iterable
from difflib import get_close_matches

DISTRIBUTION = "ganzoo-torch"
"""The name on PyPI, for install commands (`ganzoo` on PyPI is another project)."""


def escape(text: str) -> str:
    r"""`text` on one line, with control characters, line breaks and other unprintable characters as `\x1b` or `\n`.

    For strings from outside (files, folder names, classes, releases, plugins) that are printed to a terminal. Printable
    characters stay, so that escaping twice changes nothing.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class InputError(ValueError):
    """Wrong user input; one line with the problem, its place and a fix (exit code 2)."""

    def __init__(self, message: str = "") -> None:
        super().__init__(escape(message))


class DamagedFile(InputError):
    """A file written by ganzoo whose content has changed or is incomplete."""


class TrainingFailed(RuntimeError):
    """Training diverged; everything up to the last finite state is saved (exit code 1)."""


class Interrupted(Exception):
    """Training was stopped by the user; everything is saved (exit code 130)."""


def first_line(error: Exception, which: int = 0) -> str:
    """The first non-empty line of another library's error message, or the last one (`which` = -1)."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return ([line.strip() for line in text.splitlines() if line.strip()] or [type(error).__name__])[which]


def unknown_name(what: str, name: str, known: Iterable[str], listed: Iterable[str] | None = None) -> InputError:
    """An `InputError` for a misspelled `name` that suggests the nearest `known` name, or lists all, or those `listed`."""
    choices = {choice.lower(): choice for choice in sorted(known)}
    close = get_close_matches(name.lower(), choices, n=1, cutoff=0.6)
    names = choices.values() if listed is None else listed
    hint = f"did you mean {choices[close[0]]!r}?" if close else f"choose from: {', '.join(names) or 'none'}"
    return InputError(f"no {what} is called {name!r}; {hint}")


def missing_extra(package: str, extra: str, purpose: str) -> InputError:
    """An `InputError` for a missing optional dependency, with the install command."""
    return InputError(f"{purpose} needs the package {package!r}: pip install '{DISTRIBUTION}[{extra}]'")
