"""Curves of any other program: a CSV file as log records, its columns mapped to signals by name."""

import csv
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from ganzoo.atlas.curves import SIGNALS
from ganzoo.atomic_io import read_bytes
from ganzoo.errors import InputError, unknown_name
from ganzoo.training.run_history import Record

TERMS = {"d": "d/loss", "g": "g/loss"}
"""Signal -> its name in a log record, where it differs."""


def parse_map(text: str) -> dict[str, str]:
    """The columns in "d=loss_D,g=loss_G,step=iter" by signal; `step` defaults to "step". Raises `InputError`."""
    pairs = [pair.partition("=") for pair in text.split(",")]
    for signal, equals, column in pairs:
        if not (equals and signal.strip() and column.strip()):
            raise InputError(f"--map {text}: expected SIGNAL=COLUMN, separated by commas, as in d=loss_D,g=loss_G")
        if signal.strip() not in ("step", *SIGNALS):
            raise unknown_name("signal", signal.strip(), ("step", *SIGNALS))
    columns = {"step": "step"} | {signal.strip(): column.strip() for signal, _, column in pairs}
    if len(columns) == 1:
        raise InputError(f"--map {text}: no signal is mapped; name one, as in d=loss_D")
    return columns


def read_csv(path: Path, columns: dict[str, str]) -> list[Record]:
    """The rows of a CSV file as log records, in the order of their steps; raises `InputError`.

    The first line names the columns; commas, semicolons or tabs separate them. An empty cell is a value that was not logged,
    and a row with none of the columns is left out; "nan" and "inf" count as not finite.
    """
    lines = _text(path).splitlines()
    head = lines[0] if lines else ""
    reader = csv.reader(lines, delimiter=max(",;\t", key=head.count), skipinitialspace=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        places = {signal: _place(path, names, column) for signal, column in columns.items()}
        records = list(_records(path, reader, places))
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: not CSV ({error})") from None
    if not records:
        raise InputError(f"{path} has no row with a step and a value; expected a line of column names, then numbers")
    return records


def _text(path: Path) -> str:
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text in UTF-8; save it as CSV") from None


def _place(path: Path, names: list[str], column: str) -> int:
    if column not in names:
        raise InputError(f"{path} has no column {column!r}; its columns: {', '.join(names) or 'none'}; see --map")
    return names.index(column)


def _records(path: Path, rows: Iterable[list[str]], places: dict[str, int]) -> Iterator[Record]:
    last = -1
    for number, row in enumerate(rows, 2):
        cells = {signal: row[place].strip() for signal, place in places.items() if place < len(row)}
        texts = {signal: text for signal, text in cells.items() if text and signal != "step"}
        if not texts:
            continue
        step = _step(cells.get("step", ""), f"{path}, line {number}")
        if step <= last:
            raise InputError(f"{path}, line {number}: step {step} after step {last}; expected growing steps")
        last = step
        yield {"step": step, "terms": {TERMS.get(s, s): _value(t, f"{path}, line {number}") for s, t in texts.items()}}


def _step(text: str, where: str) -> int:
    if not re.fullmatch(r"\d{1,15}(\.0*)?", text):
        raise InputError(f"{where}: the step {text!r} is not a whole number from 0")
    return int(text.partition(".")[0])


def _value(text: str, where: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{where}: {text!r} is not a number; write 0.5, nan, or nothing") from None
    return value if math.isfinite(value) and abs(value) <= 1e300 else None
