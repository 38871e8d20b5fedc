"""A file of tensors is taken as a whole or refused in one line, before any of it is used."""

from __future__ import annotations

import json
import os

import pytest
import torch
from safetensors.torch import save

from ganzoo.atomic_io import sha256_hex
from ganzoo.errors import DamagedFile, InputError
from ganzoo.tensor_io import TensorSpec, read_tensors, size_limit, tensor_specs

WEIGHTS = {"a.weight": torch.arange(6.0).view(2, 3), "a.count": torch.tensor(3), "b.weight": torch.ones(4)}


def written(path, tensors) -> str:
    content = tensors if isinstance(tensors, bytes) else save(tensors)
    path.write_bytes(content)
    return sha256_hex(content)


def refusal(path, tensors, sha256=None, **options) -> str:
    own = written(path, tensors)
    with pytest.raises(InputError) as error:
        read_tensors(path, sha256 or own, tensor_specs(WEIGHTS), **options)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    return str(error.value)


def test_what_is_expected_is_returned(tmp_path):
    sha256 = written(tmp_path / "x", WEIGHTS)
    found = read_tensors(tmp_path / "x", sha256, tensor_specs(WEIGHTS))
    assert found.keys() == WEIGHTS.keys() and all(torch.equal(found[name], WEIGHTS[name]) for name in WEIGHTS)


def test_a_part_is_checked_and_returned_alone(tmp_path):
    sha256 = written(tmp_path / "x", WEIGHTS)
    found = read_tensors(tmp_path / "x", sha256, tensor_specs({"weight": torch.ones(4)}), within="b.")
    assert list(found) == ["weight"]
    with pytest.raises(DamagedFile, match="tensor 'weight' is float32 \\(4\\), expected float32 \\(5\\)"):
        read_tensors(tmp_path / "x", sha256, tensor_specs({"weight": torch.ones(5)}), within="b.")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"b.weight": None}, "tensor 'b.weight' is missing, expected float32 (4)"),
        ({"c": torch.ones(1)}, "tensor 'c', float32 (1), is not expected"),
        ({"b.weight": torch.ones(2)}, "tensor 'b.weight' is float32 (2), expected float32 (4)"),
        ({"b.weight": torch.ones(0)}, "is float32 (0), expected float32 (4)"),
        ({"b.weight": torch.ones(4, 1)}, "is float32 (4, 1), expected float32 (4)"),
        ({"a.weight": torch.ones(3, 2)}, "is float32 (3, 2), expected float32 (2, 3)"),
        ({"b.weight": torch.ones(4, dtype=torch.int32)}, "is int32 (4), expected float32 (4)"),
        ({"b.weight": torch.ones(4, dtype=torch.float64)}, "is float64 (4), expected float32 (4)"),
        ({"b.weight": torch.ones(4, dtype=torch.float16)}, "is float16 (4), expected float32 (4)"),
        ({"a.count": torch.tensor(3.0)}, "tensor 'a.count' is float32 (), expected int64 ()"),
        ({"a.count": torch.tensor(3, dtype=torch.int32)}, "is int32 (), expected int64 ()"),
    ],
)
def test_another_name_shape_or_type_is_named(tmp_path, change, says):
    tensors = {name: value for name, value in (WEIGHTS | change).items() if value is not None}
    assert says in refusal(tmp_path / "x", tensors)


def test_floating_point_may_be_stored_in_half_where_that_is_said_and_integers_never(tmp_path):
    for halved in (torch.float16, torch.bfloat16):
        sha256 = written(tmp_path / "x", WEIGHTS | {"b.weight": torch.ones(4, dtype=halved)})
        assert read_tensors(tmp_path / "x", sha256, tensor_specs(WEIGHTS, halves=True))["b.weight"].dtype == halved
    for wrong in (torch.int32, torch.int8, torch.float64, torch.float8_e4m3fn):
        sha256 = written(tmp_path / "x", WEIGHTS | {"b.weight": torch.ones(4).to(wrong)})
        with pytest.raises(DamagedFile, match="expected float32 or float16 or bfloat16"):
            read_tensors(tmp_path / "x", sha256, tensor_specs(WEIGHTS, halves=True))


def test_a_group_may_be_missing_as_a_whole_only(tmp_path):
    group = [{"a.weight", "a.count"}]
    sha256 = written(tmp_path / "x", {"b.weight": WEIGHTS["b.weight"]})
    assert list(read_tensors(tmp_path / "x", sha256, tensor_specs(WEIGHTS), optional=group)) == ["b.weight"]
    half = {name: WEIGHTS[name] for name in ("b.weight", "a.count")}
    assert "tensor 'a.weight' is missing" in refusal(tmp_path / "x", half, optional=group)


def test_a_side_may_be_of_any_length(tmp_path):
    sha256 = written(tmp_path / "x", {"f": torch.ones(2, 7)})
    assert read_tensors(tmp_path / "x", sha256, {"f": TensorSpec((2, None), (torch.float32,))})["f"].shape == (2, 7)
    with pytest.raises(DamagedFile, match=r"is float32 \(2, 7\), expected float32 \(3, any\)"):
        read_tensors(tmp_path / "x", sha256, {"f": TensorSpec((3, None), (torch.float32,))})


def header(**tensors) -> bytes:
    table = json.dumps(tensors).encode()
    return len(table).to_bytes(8, "little") + table


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x" * 100,
        (2**62).to_bytes(8, "little") + b"{}",
        header(a={"dtype": "F4", "shape": [2], "data_offsets": [0, 1]}) + b"x",
        header(a={"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}),
        header(a={"dtype": "F32", "shape": [4], "data_offsets": [0, 8]}) + bytes(8),
        header(a={"dtype": "F32", "shape": [0, 2**62], "data_offsets": [0, 0]}),
        header(a={"dtype": "F8_E8M0", "shape": [1], "data_offsets": [0, 1]}) + b"x",
    ],
    ids=[
        "empty",
        "noise",
        "long header",
        "unknown type",
        "beyond the end",
        "too few bytes",
        "no elements",
        "another type",
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path, content):
    assert refusal(tmp_path / "x", content)


def test_every_flipped_bit_is_noticed(tmp_path):
    content = save(WEIGHTS)
    for position in range(0, 8 * len(content), 7):
        damaged = bytearray(content)
        damaged[position // 8] ^= 1 << position % 8
        assert "is damaged: its SHA-256" in refusal(tmp_path / "x", bytes(damaged), sha256_hex(content))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a FIFO is POSIX's")
def test_only_regular_files_of_a_fitting_size_are_read(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", "/dev/zero", tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match=f"cannot read {path}"):
            read_tensors(path, "0" * 64, tensor_specs(WEIGHTS))
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**33)
    with pytest.raises(InputError, match="8,589,934,592 bytes, more than the limit of 1,"):
        read_tensors(tmp_path / "sparse", "0" * 64, tensor_specs(WEIGHTS))
    assert size_limit(tensor_specs(WEIGHTS)) > len(save(WEIGHTS))
