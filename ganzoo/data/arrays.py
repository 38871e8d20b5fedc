"""NumPy's file format, read within a limit: no pickle is opened, and no header is believed before its bytes are there."""

from io import BytesIO
from math import prod
from typing import IO, NamedTuple

import numpy as np

from ganzoo.errors import first_line

MAX_HEADER = 10_000  # bytes, as NumPy has it


class Header(NamedTuple):
    """What a file says of its array."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype

    @property
    def size(self) -> int:
        """Bytes of the array."""
        return prod(self.shape) * self.dtype.itemsize


def read_header(file: IO[bytes]) -> Header:
    """The header at the start of `file`, which is left at the first byte of the array; raises `ValueError`."""
    start = file.read(10)
    start += b"" if start[6:7] == b"\x01" else file.read(2)  # versions after the first have a longer length
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
    """The array in `file`, read-only; raises `ValueError` if it has more than `limit` bytes, or fewer than its header says."""
    return read_after(read_header(file), file, limit)


def read_after(header: Header, file: IO[bytes], limit: int) -> np.ndarray:
    """The same for a `file` whose header has been read."""
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
    """`array` as the content of a file, without a pickle."""
    file = BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()
