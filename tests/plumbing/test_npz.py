"""Archives of arrays: what NumPy wrote comes back bit for bit, and what lies is one line, quickly."""

import io
import struct
import time
import zipfile

import numpy as np
import pytest

from zeroloss.plumbing import InputError
from zeroloss.plumbing.npz import RATIO, ROOM, read_npz

ARRAYS = {
    "single": np.float32([[1, -0.0], [np.nan, np.inf]]),
    "big_end": np.arange(6, dtype=">i8").reshape(2, 3),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "number": np.array(2**63 + 1, np.uint64),
    "texts": np.array(["größe", "尺"]),
    "bytes": np.array([b"ab", b"c"]),
    "flags": np.array([True, False]),
    "none": np.zeros((0, 4)),
    "times": np.array(["2020-01-01"], "datetime64[ns]"),
    "complex": np.array([1 + 2j]),
}


def archive(save=np.savez, **arrays):
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return buffer.getvalue()


def member(descr="'<f8'", shape="(2,)", order="False", content=b"\0" * 16, version=1):
    """One array as NumPy writes it, whatever its header claims."""
    header = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode("latin1")
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + content


def zipped(*members, method=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def lone():
    buffer = io.BytesIO()
    np.save(buffer, np.ones(3))
    return buffer.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("from_bytes", [True, False])
def test_arrays_come_back_bit_for_bit(tmp_path, save, from_bytes):
    content = archive(save, **ARRAYS)
    (tmp_path / "a.npz").write_bytes(content)
    found = read_npz(content if from_bytes else tmp_path / "a.npz")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype.newbyteorder("=")
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.astype(array.dtype.newbyteorder("=")).tobytes()
    assert found["single"].flags.writeable


def test_headers_of_version_two_are_read():
    (found,) = read_npz(zipped(("x.npy", member(content=np.float64([3, 4]).tobytes(), version=2)))).values()
    np.testing.assert_array_equal(found, [3, 4])


def encrypted():
    """The flag alone: a reader must look at it before it reads on."""
    content = bytearray(zipped(("x.npy", member())))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def wrong_sum():
    content = bytearray(archive(x=np.ones(40)))
    content[400] ^= 0xFF  # within the numbers
    return bytes(content)


def twice():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("x.npy", member())
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("x.npy", member())
    return buffer.getvalue()


LIES = {
    "a lone array": (lone, "lone array"),
    "text": (lambda: b"some text", "damaged or of another kind"),
    "nothing": (lambda: b"", "damaged or of another kind"),
    "half": (lambda: archive(x=np.ones(300))[:900], "damaged or of another kind"),
    "no end": (lambda: archive(x=np.ones(300))[:-10], "damaged or of another kind"),
    "a flipped bit": (wrong_sum, "damaged or of another kind"),
    "objects": (lambda: archive(x=np.array([{}], dtype=object)), "Python objects"),
    "encrypted": (encrypted, "encrypted"),
    "twice": (twice, "two arrays of the name 'x'"),
    "no array": (lambda: zipped(("readme.txt", b"hello")), "no array"),
    "another compression": (lambda: zipped(("x.npy", member()), method=zipfile.ZIP_LZMA), "does not use"),
    "1e12 rows": (lambda: zipped(("x.npy", member(shape="(1000000000000,)"))), "claims the shape"),
    "2^70 rows": (lambda: zipped(("x.npy", member(shape=f"({2**70}, 3)"))), "claims the shape"),
    "2^70 rows of nothing": (lambda: zipped(("x.npy", member(shape=f"({2**70}, 0)", content=b""))), "claims the shape"),
    "1e12 empty texts": (lambda: zipped(("x.npy", member("'<U0'", f"({10**12},)", content=b""))), "claims the shape"),
    "fewer than held": (lambda: zipped(("x.npy", member(shape="(1,)"))), "claims the shape"),
    "a negative side": (lambda: zipped(("x.npy", member(shape="(-2, -1)"))), "claims the shape"),
    "sides that are flags": (lambda: zipped(("x.npy", member(shape="(True, 2)"))), "claims the shape"),
    "33 sides": (lambda: zipped(("x.npy", member(shape=str((1,) * 32 + (2,))))), "claims the shape"),
    "fields": (lambda: archive(x=np.zeros(2, [("a", "f8"), ("b", "i4")])), "named fields"),
    "a sub-array": (lambda: zipped(("x.npy", member("('<f8', (2,))", "(1,)"))), "damaged header|named fields"),
    "fields that are objects": (lambda: archive(x=np.zeros(2, [("a", "O")])), "Python objects"),
    "an unknown type": (lambda: zipped(("x.npy", member("'<q9'"))), "damaged header"),
    "a header nested deep": (lambda: zipped(("x.npy", member(shape="(" * 3000 + ")" * 3000))), "damaged header"),
    "a header without end": (lambda: zipped(("x.npy", member(shape="(2,"))), "damaged header"),
    "a long header": (lambda: zipped(("x.npy", member(shape="(2,)" + " " * 20_000))), "damaged header"),
    "a header that calls": (lambda: zipped(("x.npy", member(shape="(len('ab'),)"))), "damaged header"),
    "no magic": (lambda: zipped(("x.npy", b"hello")), "damaged header"),
    "an empty member": (lambda: zipped(("x.npy", b"")), "damaged header"),
    "version nine": (lambda: zipped(("x.npy", b"\x93NUMPY\x09\x00" + member()[8:])), "damaged header"),
}  # fmt: skip


@pytest.mark.parametrize("kind", LIES)
def test_what_lies_is_one_line_at_once(kind, tmp_path):
    make, words = LIES[kind]
    content = make()
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    started = time.process_time()
    for source in (content, path):
        with pytest.raises(InputError, match=words) as caught:
            read_npz(source)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 400
    assert time.process_time() - started < 5


def bomb(size):
    """An archive whose one member claims `size` zeros."""
    buffer = io.BytesIO()
    head = member(shape=f"({size},)", descr="'|u1'", content=b"")
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file, file.open("x.npy", "w") as stream:
        stream.write(head)
        for _ in range(size // 2**20):
            stream.write(bytes(2**20))
    return buffer.getvalue()


def test_what_unpacks_to_far_more_than_the_file_needs_trust(monkeypatch):
    content = bomb(2**21)
    assert len(read_npz(content)["x"]) == 2**21  # small enough
    monkeypatch.setattr("zeroloss.plumbing.npz.ROOM", 2**20)
    assert 2**21 > RATIO * len(content)
    with pytest.raises(InputError, match="claims to unpack to"):
        read_npz(content)
    assert not read_npz(content, trust=True)["x"].any()
    assert ROOM > 10_000 * 28 * 28  # a data set of images is no bomb


def test_more_than_memory_is_refused_even_with_trust(monkeypatch):
    monkeypatch.setattr("zeroloss.plumbing.npz.available_bytes", lambda: 1000)
    with pytest.raises(InputError, match="this machine has 1,000 left"):
        read_npz(archive(x=np.ones(200)), trust=True)


def test_a_folder_a_device_and_nothing(tmp_path):
    for path, words in ((tmp_path, "not a file"), (tmp_path / "none.npz", "no file"), ("/dev/zero", "not a file")):
        with pytest.raises(InputError, match=words):
            read_npz(path)


@pytest.mark.parametrize("seed", range(60))
def test_random_damage_is_one_line_or_harmless(seed):
    """A few bytes changed anywhere: the same arrays, or one line; CRC-32 sees every change of up to 32 bits of a member."""
    rng = np.random.default_rng(seed)
    content = bytearray(archive(np.savez_compressed if seed % 2 else np.savez, x=np.arange(20.0), y=np.arange(3)))
    for place in rng.integers(0, len(content), rng.integers(1, 4)):
        content[place] ^= 1 << int(rng.integers(0, 8))
    try:
        found = read_npz(bytes(content))
    except InputError:
        return
    for name, array in found.items():
        assert any(np.array_equal(array, wanted) for wanted in (np.arange(20.0), np.arange(3))), name
