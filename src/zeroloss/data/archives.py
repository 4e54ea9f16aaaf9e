"""Arrays in `.npz` files of unknown origin: no pickle is loaded, and no header is believed before the bytes are counted."""

from __future__ import annotations

import math
import warnings
import zipfile
from pathlib import Path

import numpy as np

from zeroloss.plumbing import InputError
from zeroloss.plumbing.memory import available_bytes


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays in the `.npz` file at `path`, by name.

    Raises:
        InputError: the file is damaged or of another kind; a member is twice there, needs pickles, or claims another size
            than it has or more than memory holds.
    """
    try:
        if not zipfile.is_zipfile(path):
            with path.open("rb") as file:
                start = file.read(6)
            other = (
                "it is a .npy of one array; save x and y with np.savez" if start == b"\x93NUMPY" else "it is no archive"
            )
            raise InputError(f"{path} cannot be read as .npz: {other}.")
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, path)
            return {_stem(info.filename): _member(archive, info, path) for info in archive.infolist()}
    except InputError:
        raise
    except Exception as error:  # whatever the readers of damaged archives and headers raise
        line = " ".join(str(error).split())[:80] or type(error).__name__
        raise InputError(f"{path} cannot be read as .npz ({line}); write it anew with np.savez.") from error


def _check_members(archive: zipfile.ZipFile, path: Path) -> None:
    names = [_stem(info.filename) for info in archive.infolist()]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path} holds the array {twice!r} twice; write it anew with np.savez.")
    claimed, free = sum(info.file_size for info in archive.infolist()), available_bytes()
    if free is not None and 2 * claimed > free:
        raise InputError(f"{path} claims {claimed / 1e9:.3g} GB of arrays, more than memory allows; save fewer rows.")


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> np.ndarray:
    name = _stem(info.filename)
    with archive.open(info) as file:
        if file.read(6) != b"\x93NUMPY":
            raise InputError(f"{path}: {name!r} is no array; write the file anew with np.savez.")
    with archive.open(info) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in read and version != (3, 0):
            raise InputError(f"{path}: {name!r} is of an unknown version {version}; write the file anew with np.savez.")
        if version in read:
            shape, _, dtype = read[version](file)
            if dtype.hasobject:
                raise InputError(f"{path} cannot be read without pickles ({name!r} holds objects); write plain arrays.")
            if any(side < 0 for side in shape) or file.tell() + dtype.itemsize * math.prod(shape) != info.file_size:
                raise InputError(f"{path}: {name!r} claims shape {_sides(shape)} and holds other bytes; write it anew.")
    with archive.open(info) as file:
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def _sides(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join(str(side) if abs(side) < 10**15 else f"{side:.3g}" for side in shape[:5]) + ")"


def _stem(name: str) -> str:
    return name.removesuffix(".npy")
