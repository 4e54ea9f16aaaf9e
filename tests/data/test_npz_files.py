"""Data in `.npz` files of unknown origin: no header is believed, and nothing is taken for what it is not."""

from __future__ import annotations

import io
import struct
import time
import warnings
import zipfile

import numpy as np
import pytest

from zeroloss.data import load_data
from zeroloss.plumbing import InputError

X, Y = np.arange(8.0).reshape(4, 2), np.array([0, 1, 0, 1])


def _npy(array):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def _claiming(shape, descr="<f8", data=b""):
    """A `.npy` whose header says what it likes."""
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def _archive(folder, **members):
    path = folder / "t.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


LIES = {
    "rows that no memory holds": (_claiming((10**12, 2), data=b"0" * 64), "claims the shape"),
    "more than 64 bits of rows": (_claiming((2**70,)), "claims the shape"),
    "a negative side": (_claiming((-1, 2), data=b"0" * 64), "claims the shape"),
    "no rows of endless width": (_claiming((0, 2**70)), "damaged|claims the shape"),
    "fewer bytes": (_claiming((4, 2), data=b"0" * 63), "claims the shape"),
    "more bytes": (_claiming((2, 2), data=b"0" * 64), "claims the shape"),
    "objects": (_claiming((4, 2), "|O"), "never read"),
    "pickled objects": (_npy(np.array([[1, {}]], dtype=object)), "never read"),
    "another beginning": (b"hello", "damaged"),
    "a header cut short": (b"\x93NUMPY\x01\x00\x10\x00{'descr':'<f8', __", "damaged|claims the shape"),
    "a header of brackets": (b"\x93NUMPY\x01\x00" + struct.pack("<H", 6000) + b"(" * 6000, "damaged|claims the shape"),
    "a header of code": (_claiming((4, 2), "__import__('os')"), "damaged|claims the shape"),
    "a version to come": (b"\x93NUMPY\x09\x00" + b"0" * 99, "damaged"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_gets_one_line_at_once(lie, tmp_path):
    content, message = LIES[lie]
    start = time.monotonic()
    for members in ({"x": content, "y": _npy(Y)}, {"x": _npy(X), "y": content}):
        with pytest.raises(InputError, match=message) as caught:
            load_data(_archive(tmp_path, **members))
        assert "\n" not in str(caught.value)
    assert time.monotonic() - start < 2


def test_members_that_are_twice_there(tmp_path):
    path = _archive(tmp_path, x=_npy(X), y=_npy(Y))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x", _npy(X + 1))
    with pytest.raises(InputError, match="no array"):
        load_data(path)
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile writes a second member of a name, and warns
        for name in ("x.npy", "x.npy", "y.npy"):
            archive.writestr(name, _npy(X if name[0] == "x" else Y))
    with pytest.raises(InputError, match="two arrays of the name 'x'"):
        load_data(path)


def test_files_of_other_kinds_and_damage(tmp_path):
    path = tmp_path / "t.npz"
    np.save(tmp_path / "t.npy", X)
    path.write_bytes((tmp_path / "t.npy").read_bytes())
    with pytest.raises(InputError, match=r"lone array \(\.npy\)"):
        load_data(path)
    np.savez_compressed(path, x=X, y=Y)
    whole = path.read_bytes()
    for cut in (1, 20, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:cut])
        with pytest.raises(InputError, match=r"cannot be read as \.npz"):
            load_data(path)
    generator = np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(whole)
        damaged[generator.integers(len(whole))] = generator.integers(256)
        path.write_bytes(damaged)
        try:
            data = load_data(path, test_fraction=0.0, scaling="none")
        except InputError:
            continue
        assert np.array_equal(data.x_train, X) and np.array_equal(data.labels_train, Y)


def test_labels_beyond_2_to_the_53_stay_apart(tmp_path):
    labels = np.array([2**53, 2**53 + 1, 2**64 - 1, 2**53], np.uint64)
    data = load_data(_archive(tmp_path, x=_npy(X), y=_npy(labels)), test_fraction=0.0)
    assert [int(data.classes[k]) for k in data.labels_train] == labels.tolist()
    with pytest.raises(InputError, match="9007199254740993 in row 1"):
        load_data(tmp_path / "t.npz", task="regression")


def test_what_is_left_out_is_said(tmp_path):
    path = _archive(tmp_path, x_train=_npy(X), y_train=_npy(Y), x_test=_npy(X))
    assert "x_test left out" in load_data(path).source
