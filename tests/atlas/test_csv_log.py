"""Curves of other programs: CSV files as log records, and one clear line for any other file."""

from __future__ import annotations

import pytest

from ganzoo.atlas.csv_log import parse_map, read_csv
from ganzoo.errors import InputError

MAP = "step=it, d=loss_D,norm/g=grad"


def test_columns_are_mapped_by_name(tmp_path):
    path = tmp_path / "x.csv"
    for mark in ",;\t":
        rows = (
            ["it", "loss_D", "other", "grad"],
            ["0", "1.5", "x", "2"],
            ["10", "", "", "nan"],
            ["20.0", "3e2", "y", ""],
        )
        path.write_text("\ufeff" + "\n".join(mark.join(row) for row in rows), encoding="utf-8")
        assert read_csv(path, parse_map(MAP)) == [
            {"step": 0, "terms": {"d/loss": 1.5, "norm/g": 2.0}},
            {"step": 10, "terms": {"norm/g": None}},
            {"step": 20, "terms": {"d/loss": 300.0}},
        ]


def test_rows_without_a_mapped_value_are_left_out(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("it,loss_D,grad\n1,2,3\n2,,\n,,\n\n3,1,1\n")
    assert [record["step"] for record in read_csv(path, parse_map(MAP))] == [1, 3]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("d", "--map d: expected SIGNAL=COLUMN"),
        ("d=", "--map d=: expected SIGNAL=COLUMN"),
        ("variety/pixel=x", "no signal is called 'variety/pixel'; did you mean 'variety/pixels'?"),
        ("step=x", "--map step=x: no signal is mapped"),
    ],
)
def test_a_wrong_map_is_one_line(text, line):
    with pytest.raises(InputError) as error:
        parse_map(text)
    assert line in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "has no column 'it'; its columns: none"),
        (b"a,b\n1,2\n", "has no column 'it'; its columns: a, b; see --map"),
        (b"it,loss_D,grad\n", "has no row with a step and a value"),
        (b"it,loss_D,grad\n1,x,2\n", "line 2: 'x' is not a number"),
        (b"it,loss_D,grad\n1,2,2\nx,2,2\n", "line 3: the step 'x' is not a whole number"),
        (b"it,loss_D,grad\n,2,2\n", "line 2: the step '' is not a whole number"),
        (b"it,loss_D,grad\n-1,2,2\n", "line 2: the step '-1' is not a whole number"),
        (b"it,loss_D,grad\n1e999,2,2\n", "line 2: the step '1e999' is not a whole number"),
        (b"it,loss_D,grad\n5,2,2\n5,2,2\n", "line 3: step 5 after step 5; expected growing steps"),
        (b"\x89PNG\r\n\x1a\n\xff", "is not text in UTF-8"),
        (b"it,loss_D,grad\n1,2," + b"9" * 200_000, "line 2: not CSV (field larger than field limit"),
    ],
)
def test_a_wrong_file_is_one_line(content, line, tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_csv(path, parse_map(MAP))
    assert str(path) in str(error.value) and line in str(error.value) and "\n" not in str(error.value)
