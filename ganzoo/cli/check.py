"""`ganzoo check`: the contract checks of the package, run on the parts in a user's file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ganzoo import terminal
from ganzoo.contracts import Result, check_part
from ganzoo.errors import InputError
from ganzoo.parts import KINDS, read_plugin, run_plugin
from ganzoo.registry import Registry


def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Python files as --plugin takes them.")],
) -> int:
    """Run the contract checks of ganzoo's own parts on every part in FILE; exit code 2 if one fails.

    A check prints one line: ok, FAIL or note, its name, and what is wrong with file, line and term. A note is a remark and
    fails nothing. A loss takes a few seconds.
    """
    results = [result for path in files for part in parts_in(path) for result in report(*part)]
    failed = sum(result.failed for result in results)
    terminal.out(f"{len(results) - failed} of {len(results)} checks hold")
    return 2 if failed else 0


def parts_in(path: Path) -> list[tuple[Registry[Any], str]]:
    """Registry and name of each part that the file adds; raises `InputError` if it fails or adds none."""
    try:
        return run_plugin(str(path), read_plugin(path))
    except InputError as error:
        raise InputError(str(error).removeprefix("--plugin ")) from error


def report(registry: Registry[Any], name: str) -> Iterator[Result]:
    """Check one part, with a line for each result; a place that an earlier line names is not explained again."""
    kind, places = next((kind for kind in KINDS if kind.registry is registry), None), set[str]()
    terminal.out(f"{registry.what} {name}{'' if kind else ': no checks for this kind of part'}")
    for result in check_part(kind, name) if kind else ():
        place = ":".join(result.reason.split(":")[:2])
        terminal.out(as_line(result, f"see {place} above" if place in places else result.reason))
        places |= {place} - {""}
        yield result


def as_line(result: Result, reason: str) -> str:
    """`ok`, `FAIL` or `note`, the check, and the reason."""
    word = "FAIL" if result.failed else "note" if result.reason else "ok"
    return f"  {word:<4}  {result.check}{': ' if reason else ''}{reason}"
