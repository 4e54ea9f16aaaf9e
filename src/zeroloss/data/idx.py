"""MNIST and Fashion-MNIST: found in a folder, in the cache, or downloaded and checked by hash."""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from zeroloss.plumbing import InputError

PARTS = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)

SHA256 = {
    "mnist": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
    "fashion-mnist": (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
}
MIRRORS = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion-mnist": ("https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",),
}


class Images(NamedTuple):
    """Images `(n, 28, 28)` uint8 and labels; the official test rows where the file has them; and the file's name."""

    x: np.ndarray
    labels: np.ndarray
    x_test: np.ndarray | None
    labels_test: np.ndarray | None
    where: str


def find_images(name: str) -> Images:
    """`name` ("mnist" or "fashion-mnist") from $ZEROLOSS_DATA, else from the cache, else by download.

    In a folder these are looked for: NAME10k.npz or NAME.npz (keys images, labels or x_train, y_train, x_test, y_test),
    then the four idx files, in the folder NAME or beside it, taken only if their SHA-256 is right.

    Raises:
        InputError: $ZEROLOSS_DATA is no folder, a file is damaged, or nothing was found and the download failed.
    """
    folders = []
    named = os.environ.get("ZEROLOSS_DATA")
    if named:
        if not Path(named).is_dir():
            raise InputError(f"$ZEROLOSS_DATA names {named}, which is not a folder; make it or unset the variable.")
        folders.append(Path(named))
    cache = cache_folder()
    for folder in (*folders, cache):
        for file in (f"{name}10k.npz", f"{name}.npz"):
            if (folder / file).is_file():
                return _from_npz(folder / file)
        for place in (folder / name, folder):
            if all((place / part).is_file() for part in PARTS):
                if _genuine(place, name):
                    return _from_idx(place)
                if place.name == name:
                    raise InputError(f"the idx files in {place} are not {name} (wrong SHA-256); replace them.")
    return _download(name, cache / name, folders[0] if folders else cache)


def cache_folder() -> Path:
    """Where downloaded data sets are kept."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("zeroloss")) / "data"


def read_idx(path: Path) -> np.ndarray:
    """The array of unsigned bytes in a gzipped idx file (big-endian header: 0, 0, 8, dimensions, then each side).

    Raises:
        InputError: the file is not such a file, or is cut short.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read as a gzipped idx file; replace it.") from error
    sides = content[3] if len(content) > 3 and content[:3] == b"\0\0\x08" else 0
    shape = np.frombuffer(content[4 : 4 + 4 * sides], ">u4") if len(content) >= 4 + 4 * sides else np.zeros(0)
    if not sides or len(shape) != sides or len(content) != 4 + 4 * sides + math.prod(int(side) for side in shape):
        raise InputError(f"{path} is not an idx file of unsigned bytes, or is cut short; replace it.")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * sides).reshape([int(side) for side in shape])


def _from_npz(path: Path) -> Images:
    try:
        with np.load(path, allow_pickle=False) as file:
            if "images" in file and "labels" in file:
                found = Images(file["images"], file["labels"], None, None, path.name)
            elif all(key in file for key in ("x_train", "y_train", "x_test", "y_test")):
                found = Images(file["x_train"], file["y_train"], file["x_test"], file["y_test"], path.name)
            else:
                raise InputError(f"{path} lacks images and labels (or x_train, y_train, x_test, y_test); replace it.")
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be read as .npz: it is damaged or of another kind; replace it.") from error
    for x, y in ((found.x, found.labels), (found.x_test, found.labels_test)):
        if x is not None and (x.ndim != 3 or x.dtype != np.uint8 or y is None or y.shape != (len(x),)):
            raise InputError(f"{path} holds no uint8 images (n, 28, 28) with n labels; replace it.")
    return found


def _genuine(folder: Path, name: str) -> bool:
    sums = (hashlib.sha256((folder / part).read_bytes()).hexdigest() for part in PARTS)
    return all(found == known for found, known in zip(sums, SHA256[name], strict=True))


def _from_idx(folder: Path) -> Images:
    x, labels, x_test, labels_test = (read_idx(folder / part) for part in PARTS)
    return Images(x, labels, x_test, labels_test, "idx files")


def _download(name: str, folder: Path, put: Path) -> Images:
    import pooch

    reason = "no mirror is known"
    for mirror in MIRRORS[name]:
        try:
            for part, known in zip(PARTS, SHA256[name], strict=True):
                fetch = pooch.HTTPDownloader(timeout=30)
                pooch.retrieve(mirror + part, known_hash=f"sha256:{known}", fname=part, path=folder, downloader=fetch)
            return _from_idx(folder)
        except (OSError, ValueError) as error:  # no connection, a refusal, or the wrong hash
            if isinstance(error, InputError):
                raise
            reason = (str(error).splitlines() or [""])[0][:120] or type(error).__name__
    also = "" if os.environ.get("ZEROLOSS_DATA") else ", or name a folder in $ZEROLOSS_DATA"
    raise InputError(
        f"{name} is not on this machine and could not be downloaded ({reason}); "
        f"put {name}.npz or its four idx files ({PARTS[0]}, ...) into {put}{also}."
    )
