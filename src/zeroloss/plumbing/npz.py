"""Arrays from an untrusted `.npz`: what it claims is compared with what it holds, before memory is allocated.

NumPy's own reader believes a member's header (a shape of 10^12 rows is allocated first), takes the last of two members of
one name, and answers damage with a dozen kinds of exceptions. Here each is one line, and no pickle is ever read.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from zeroloss.plumbing.errors import InputError
from zeroloss.plumbing.memory import available_bytes

ROOM, RATIO = 2**28, 100
"""A file may unpack to `ROOM` bytes, or to `RATIO` times its own size where that is more."""
CHUNK = 2**22
LONGEST = 10_000
"""Bytes of a member's header; NumPy's own limit."""
_BROKEN = (
    OSError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, SyntaxError, RecursionError,
    MemoryError, NotImplementedError, RuntimeError, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def read_npz(
    source: str | os.PathLike | bytes, name: str | None = None, *, trust: bool = False
) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` by their names, in native byte order, bit for bit.

    Args:
        source: a path, or the bytes of the file.
        name: what errors call it; the path if left out.
        trust: unpack even what is far larger than the file (`ROOM`, `RATIO`), as far as memory goes.

    Raises:
        InputError: no such file; a lone `.npy`; a truncated, damaged or encrypted archive; two members of one name; a
            member that is no array, holds Python objects, or claims a shape that its bytes do not have; contents far
            larger than the file, or than the memory that is left.
    """
    name = str(name if name is not None else source if isinstance(source, str | os.PathLike) else "the file")
    with _opened(source, name) as (stream, size):
        start = stream.read(6)
        stream.seek(0)
        if start == b"\x93NUMPY":
            raise InputError(f"{name} is a lone array (.npy), not an .npz; write it by numpy.savez with a name.")
        try:
            with zipfile.ZipFile(stream) as archive:
                members = _members(archive, size, name, trust)
                return {key: _array(archive, info, f"{key!r} in {name}") for key, info in members.items()}
        except InputError:
            raise
        except _BROKEN as error:
            raise InputError(f"{name} cannot be read as .npz: it is damaged or of another kind.") from error


@contextlib.contextmanager
def _opened(source: str | os.PathLike | bytes, name: str) -> Iterator[tuple[IO[bytes], int]]:
    if isinstance(source, bytes):
        yield io.BytesIO(source), len(source)
        return
    path = Path(source)
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{name} cannot be read as .npz: it is not a file.")
        with open(path, "rb") as stream:
            yield stream, path.stat().st_size
    except FileNotFoundError as error:
        raise InputError(f"there is no file {name}; check the path.") from error
    except OSError as error:
        raise InputError(f"{name} cannot be read as .npz: {error.strerror or 'it is damaged'}.") from error


def _members(archive: zipfile.ZipFile, size: int, name: str, trust: bool) -> dict[str, zipfile.ZipInfo]:
    """The archive's arrays by name, once their sizes are believable."""
    found: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        key = info.filename.removesuffix(".npy")
        if key == info.filename:
            raise InputError(f"{name} holds {info.filename!r}, which is no array (.npy); write it by numpy.savez.")
        if key in found:
            raise InputError(f"{name} holds two arrays of the name {key!r}; write it again with one.")
        if info.flag_bits & 0x1:
            raise InputError(f"{name} is encrypted; write it without a password.")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError(f"{name} is compressed in a way that numpy.savez does not use; write it by numpy.savez.")
        found[key] = info
    total = sum(info.file_size for info in found.values())
    if total > max(ROOM, RATIO * size) and not trust:
        raise InputError(
            f"{name} has {size:,} bytes and claims to unpack to {total:,}; if you trust it, say so (trust=True, --trust), "
            "or write it by numpy.savez without compression."
        )
    left = available_bytes()
    if left is not None and total > left:
        raise InputError(f"{name} unpacks to {total:,} bytes and this machine has {left:,} left.")
    return found


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> np.ndarray:
    with archive.open(info) as stream:
        shape, fortran, dtype = _header(stream, name)
        held, count = info.file_size - stream.tell(), math.prod(shape)
        if count * dtype.itemsize != held or (count and not dtype.itemsize):
            raise InputError(
                f"the array {name} claims the shape {_short(shape)} of {dtype}, {_bytes(count * dtype.itemsize)}, and holds "
                f"{held:,}; write the file again."
            )
        if any(side > LONGEST**2 for side in shape) and not count:
            raise InputError(
                f"the array {name} claims the shape {_short(shape)} and holds nothing; write the file again."
            )
        array = np.empty(shape, dtype, order="F" if fortran else "C")
        flat = array.reshape(-1, order="A").view(np.uint8) if count else np.empty(0, np.uint8)
        done = 0
        while done < held:
            part = stream.read(min(CHUNK, held - done))
            if not part:
                raise InputError(f"the array {name} is cut off after {done:,} of {held:,} bytes; write the file again.")
            flat[done : done + len(part)] = np.frombuffer(part, np.uint8)
            done += len(part)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _header(stream: Any, name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether by columns, and dtype, as a member's header claims them."""
    try:
        version = np.lib.format.read_magic(stream)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shape, fortran, dtype = read(stream, max_header_size=LONGEST)
    except (zipfile.BadZipFile, zlib.error):  # the archive, not the header
        raise
    except _BROKEN as error:
        raise InputError(f"the array {name} has a damaged header; write the file again.") from error
    if dtype.hasobject:
        raise InputError(f"the array {name} holds Python objects, which are never read; write numbers or texts.")
    if dtype.names is not None or dtype.subdtype is not None:
        raise InputError(f"the array {name} is a table of named fields; write one plain array per field.")
    if any(isinstance(side, bool) or side < 0 for side in shape) or len(shape) > 32:
        raise InputError(f"the array {name} claims the shape {_short(shape)}; write the file again.")
    return shape, fortran, dtype


def _short(shape: tuple[int, ...]) -> str:
    text = str(shape)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _bytes(count: int) -> str:
    return f"{count:,} bytes" if count < 10**15 else f"{float(min(count, 10**300)):.2g} bytes"
