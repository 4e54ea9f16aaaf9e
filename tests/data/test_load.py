import gzip
import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from zeroloss.data import NAMES, from_arrays, idx, load_data, make_mnist1d
from zeroloss.plumbing import InputError


def test_digits_is_split_70_to_30_in_proportion():
    from sklearn.datasets import load_digits

    data = load_data("digits")
    assert (data.n, len(data.x_test), data.image_shape) == (1257, 540, (8, 8))
    both = np.vstack([data.x_train, data.x_test]) * 16
    assert np.array_equal(both[np.lexsort(both.T)], (raw := load_digits().data)[np.lexsort(raw.T)])
    share = np.bincount(np.concatenate([data.labels_train, data.labels_test])) * 1257 / 1797
    assert (abs(np.bincount(data.labels_train) - share) <= 1).all()
    assert np.array_equal(data.scale(np.full((1, 8, 8), 8.0)), np.full((1, 64), 0.5))
    assert load_data("Digits") == data
    assert load_data("digits", seed=1) != data


@pytest.mark.parametrize(
    ("name", "rows", "columns", "outputs"),
    [("breast-cancer", 569, 30, 2), ("wine", 178, 13, 3), ("diabetes", 442, 10, 1)],
)
def test_tables(name, rows, columns, outputs):
    data = load_data(name)
    assert (data.n + len(data.x_test), data.in_size, data.out_size) == (rows, columns, outputs)
    assert data.y_train.std() == pytest.approx(1) if data.task == "regression" else len(data.classes) == outputs
    assert len(data.features) == columns


def test_mnist1d_is_learnable_and_the_same_each_time():
    from sklearn.neighbors import KNeighborsClassifier

    x, labels = make_mnist1d(1000, seed=1)
    assert x.shape == (1000, 40)
    assert np.bincount(labels).tolist() == [100] * 10
    assert (x.mean(), x.std()) == (pytest.approx(0, abs=1e-12), pytest.approx(1))
    assert np.array_equal(make_mnist1d(1000, seed=1)[0], x)
    assert not np.array_equal(make_mnist1d(1000, seed=2)[0], x)
    right = KNeighborsClassifier(1).fit(x[:800], labels[:800]).score(x[800:], labels[800:])
    assert right > 0.1 + 5 * np.sqrt(0.09 / 200)  # better than chance by five standard errors


def test_names_have_a_line_each_and_a_close_one_is_suggested():
    assert all("\n" not in line for line in NAMES.values())
    with pytest.raises(InputError, match="did you mean digits"):
        load_data("digts")
    with pytest.raises(InputError, match="own target"):
        load_data("digits", target="y")


def _csv(folder, text, name="t.csv"):
    path = folder / name
    path.write_text(text)
    return path


GOOD = "a,colour,label\n" + "".join(f"{k},{'red' if k % 3 else 'blue'},{'yes' if k % 2 else 'no'}\n" for k in range(20))


def test_csv_with_texts(tmp_path):
    data = load_data(str(_csv(tmp_path, GOOD)), target="label")
    assert data.features == ("a", "colour=blue", "colour=red")
    assert data.classes == ("no", "yes")
    assert "one-hot encoded: colour" in data.source
    assert (data.n, len(data.x_test)) == (14, 6)
    assert load_data(_csv(tmp_path, GOOD), target="a", task="regression").task == "regression"


def test_parquet_says_what_csv_says(tmp_path):
    path = _csv(tmp_path, GOOD)
    pd.read_csv(path).to_parquet(tmp_path / "t.parquet")
    a, b = (load_data(p, target="label") for p in (path, tmp_path / "t.parquet"))
    assert a.digest() == b.digest()


BAD = {
    "missing value": ("a,b,y\n1,,0\n2,3,1\n,4,0\n", "y", "'a' of .* 1 missing"),
    "missing target": ("a,b,y\n1,2,0\n2,3,\n", "y", "'y' of .* 1 missing"),
    "no such column": (GOOD, "lable", "it has: a, colour, label"),
    "no target": (GOOD, None, "needs a target column"),
    "empty": ("", "y", "empty"),
    "no rows": ("a,y\n", "y", "no rows"),
    "one class": ("a,y\n1,0\n2,0\n3,0\n", "y", "only one class"),
    "infinite": ("a,y\n1,0\ninf,1\n3,0\n", "y", "infinite"),
    "one row": ("a,y\n1,0\n", "y", "at least 2"),
    "target only": ("y\n1\n2\n", "y", "no column beside"),
    "no header": ("1,2\n3,4\n5,6\n", "2", "header"),
    "identifiers": ("id,y\n" + "".join(f"k{k},{k % 2}\n" for k in range(9)), "y", "9 different texts"),
    "ragged": ("a,y\n1,0\n1,2,3,4\n", "y", "cannot be read"),
    "constant features": ("a,y\n1,0\n1,1\n1,0\n1,1\n", "y", "no feature varies"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_get_one_clear_line(case, tmp_path):
    text, target, message = BAD[case]
    with pytest.raises(InputError, match=message) as caught:
        load_data(_csv(tmp_path, text), target=target)
    assert "\n" not in str(caught.value)


def test_bad_paths(tmp_path):
    for path, message in [
        (tmp_path / "none.csv", "there is no file"),
        (tmp_path, "folder"),
        (_csv(tmp_path, "x", "t.xls"), "ends in .xls"),
        (_csv(tmp_path, "x", "t.npz"), "cannot be read"),
        (_csv(tmp_path, "x", "t.parquet"), "cannot be read"),
    ]:
        with pytest.raises(InputError, match=message):
            load_data(path, target="y")


def test_npz(tmp_path):
    x, y = np.random.default_rng(0).standard_normal((30, 4)), np.arange(30) % 3
    np.savez(tmp_path / "a.npz", X=x, y=y, z=x[:, 0])
    assert load_data(tmp_path / "a.npz").task == "classification"
    assert load_data(tmp_path / "a.npz", target="z").task == "regression"
    with pytest.raises(InputError, match="no array 'w'; it has: X, y, z"):
        load_data(tmp_path / "a.npz", target="w")
    np.savez(tmp_path / "b.npz", x_train=x[:20], y_train=y[:20], x_test=x[20:], y_test=y[20:])
    data = load_data(tmp_path / "b.npz", scaling="none")
    assert np.array_equal(data.x_train, x[:20])
    assert np.array_equal(data.x_test, x[20:])
    np.savez(tmp_path / "c.npz", x=np.array([{}, {}], dtype=object), y=y[:2])
    with pytest.raises(InputError, match="never read"):
        load_data(tmp_path / "c.npz")


def test_images_go_to_the_unit_interval():
    pixels = np.random.default_rng(0).integers(0, 256, (12, 5, 4), dtype=np.uint8)
    data = from_arrays(pixels, np.arange(12) % 2, scaling="auto")
    assert data.image_shape == (5, 4)
    assert np.array_equal(np.sort(data.x_train.ravel() * 255), np.sort(pixels.ravel()))


def _write_idx(folder, monkeypatch, name="mnist"):
    generator = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for part, rows in zip(idx.PARTS, (40, 40, 20, 20), strict=True):
        array = generator.integers(0, 256, (rows, 28, 28)) if "images" in part else np.arange(rows) % 10
        head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        (folder / part).write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes()))
    sums = tuple(hashlib.sha256((folder / part).read_bytes()).hexdigest() for part in idx.PARTS)
    monkeypatch.setitem(idx.SHA256, name, sums)


@pytest.fixture
def lonely(monkeypatch, tmp_path):
    """No folder named, an empty cache, no network."""
    import pooch

    def refuse(*args, **kwargs):
        raise ConnectionError("no route to host")

    monkeypatch.delenv("ZEROLOSS_DATA", raising=False)
    monkeypatch.setattr(idx, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(pooch, "retrieve", refuse)
    return tmp_path


def test_idx_files_are_read_and_checked(lonely, monkeypatch):
    _write_idx(lonely / "mnist", monkeypatch)
    monkeypatch.setenv("ZEROLOSS_DATA", str(lonely))
    data = load_data("mnist", n_train=20)
    assert (data.n, len(data.x_test), data.image_shape) == (20, 20, (28, 28))
    assert load_data("mnist").n == 40
    part = lonely / "mnist" / idx.PARTS[0]
    part.write_bytes(part.read_bytes() + b"0")
    with pytest.raises(InputError, match="wrong SHA-256"):
        load_data("mnist")


def test_offline_says_where_to_put_the_file(lonely, monkeypatch):
    with pytest.raises(InputError, match=r"no route to host.*put fashion-mnist.npz or its four idx files") as caught:
        load_data("fashion-mnist")
    assert str(lonely / "cache") in str(caught.value)
    assert "\n" not in str(caught.value)
    monkeypatch.setenv("ZEROLOSS_DATA", str(lonely / "none"))
    with pytest.raises(InputError, match="not a folder"):
        load_data("mnist")


def test_download_goes_to_the_cache_by_hash(lonely, monkeypatch):
    import pooch

    _write_idx(lonely / "there", monkeypatch, "fashion-mnist")
    asked = []

    def retrieve(url, known_hash, fname, path, downloader):
        asked.append((url, known_hash))
        path.mkdir(parents=True, exist_ok=True)
        shutil.copy(lonely / "there" / fname, path / fname)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    data = load_data("fashion-mnist", n_train=30)
    assert (data.n, data.classes[9]) == (30, "Ankle boot")
    assert all(url.startswith("https://") and known.startswith("sha256:") for url, known in asked)
    first = len(asked)
    assert load_data("fashion-mnist", n_train=30) == data
    assert len(asked) == first == 4


def test_cut_idx_file_is_refused(tmp_path):
    path = tmp_path / "x.gz"
    for content in (b"", bytes([0, 0, 8, 1, 0, 0, 0, 9, 1]), bytes([1, 2, 3, 4]), bytes([0, 0, 8, 3, 0])):
        path.write_bytes(gzip.compress(content))
        with pytest.raises(InputError, match="idx"):
            idx.read_idx(path)
    path.write_bytes(b"plain")
    with pytest.raises(InputError, match="gzipped"):
        idx.read_idx(path)


def test_mnist_from_the_named_folder():
    folder = os.environ.get("ZEROLOSS_DATA")
    if not folder or not (Path(folder) / "mnist10k.npz").is_file():
        pytest.skip("$ZEROLOSS_DATA names no folder with mnist10k.npz")
    data = load_data("mnist", n_train=300)
    assert (data.n, len(data.x_test), data.in_size, data.image_shape) == (300, 2000, 784, (28, 28))
    assert (data.x_train.min(), data.x_train.max()) == (0.0, 1.0)
    assert np.array_equal(data.y_test, load_data("mnist", n_train=400).y_test)
