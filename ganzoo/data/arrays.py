"""Safe reading of NumPy's file format: limited size, no pickles, no header trusted before its bytes have been read."""

from io import BytesIO
from math import prod
from typing import IO, NamedTuple

import numpy as np

from ganzoo.errors import first_line

MAX_HEADER = 10_000  # bytes, NumPy's own limit


class Header(NamedTuple):
    """Header of an array file."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype

    @property
    def size(self) -> int:
        """Size of the array in bytes."""
        return prod(self.shape) * self.dtype.itemsize


def read_header(file: IO[bytes]) -> Header:
    """Read the header of `file` and stop at the first byte of the array; raises `ValueError`."""
    start = file.read(10)
    start += b"" if start[6:7] == b"\x01" else file.read(2)  # later versions have a longer length field
    length = int.from_bytes(start[8:], "little")
    if length > MAX_HEADER:
        raise ValueError(f"its header has {length:,} bytes, more than the limit of {MAX_HEADER:,}")
    copy = BytesIO(start + file.read(length))
    try:
        first = np.lib.format.read_magic(copy) == (1, 0)
        header = Header(*(np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0)(copy))
    except Exception as error:  # NumPy lets errors of Python's parser through
        raise ValueError(f"its header cannot be read: {first_line(error)}") from None
    if any(side < 0 for side in header.shape):
        raise ValueError(f"its shape is {header.shape}")
    return header


def read_array(file: IO[bytes], limit: int) -> np.ndarray:
    """Read the array in `file`, read-only; raises `ValueError` if it exceeds `limit` bytes or is shorter than declared."""
    return read_after(read_header(file), file, limit)


def read_after(header: Header, file: IO[bytes], limit: int) -> np.ndarray:
    """`read_array` for a `file` whose header has already been read."""
    if header.dtype.hasobject:
        raise ValueError("it holds Python objects, which are never opened")
    if header.size > limit:
        raise ValueError(f"the array has {header.size:,} bytes, more than the limit of {limit:,}")
    content = read_exactly(file, header.size)
    return np.frombuffer(content, header.dtype).reshape(header.shape, order="F" if header.fortran_order else "C")


def read_exactly(file: IO[bytes], size: int) -> bytes:
    """The next `size` bytes; raises `ValueError` if there are fewer."""
    content = file.read(size)
    if len(content) < size:
        raise ValueError(f"it ends after {len(content):,} of {size:,} bytes")
    return content


def array_bytes(array: np.ndarray) -> bytes:
    """`array` as the content of a .npy file, without a pickle."""
    file = BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()
