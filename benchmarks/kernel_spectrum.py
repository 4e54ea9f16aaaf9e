"""The kernel of many images with the enclosure of its smallest eigenvalue, and what the enclosure costs."""

from __future__ import annotations

import time

import numpy as np
from kernel_worker import peak_increase

WIDTH = 512
DEPTH = 3


def spectrum(images: str) -> dict:
    """Kernel and enclosure for all images of a file (or the 1,797 small digits of scikit-learn), in float64.

    The network: `WIDTH` units in `DEPTH` hidden layers, relu, one output, NTK parametrisation.
    """
    import zeroloss as zl

    x = _images(images)
    network = zl.MLP(x.shape[1], 1, WIDTH, DEPTH, "relu", dtype="float64", key=0)
    zl.tangent.kernel_matrix(network, x[:64])  # libraries loaded, functions known
    times = [time.perf_counter()]
    kernel_peak, matrix = peak_increase(lambda: zl.tangent.kernel_matrix(network, x))
    times.append(time.perf_counter())
    enclosure_peak, found = peak_increase(lambda: zl.tangent.smallest_eigenvalue(matrix))
    times.append(time.perf_counter())
    return {
        "images": images,
        "n": len(x),
        "inputs": x.shape[1],
        "distinct": len(np.unique(x, axis=0)),
        "kernel_seconds": times[1] - times[0],
        "kernel_peak_bytes": kernel_peak,
        "matrix_bytes": matrix.nbytes,
        "enclosure_seconds": times[2] - times[1],
        "enclosure_peak_bytes": enclosure_peak,
        "lower": found.lower,
        "upper": found.upper,
        "about": found.about,
        "factorisations": found.factorisations,
        "trace": float(np.trace(matrix)),
    }


def _images(name: str) -> np.ndarray:
    """Pixels in `[0, 1]`, a row an image."""
    if name == "digits":
        from sklearn.datasets import load_digits

        return load_digits().data / 16
    with np.load(name) as arrays:
        images = arrays["images"]
    return images.reshape(len(images), -1) / 255.0


def eigenvalues(n: int) -> dict:
    """Seconds for the enclosure, and for all or one eigenvalue without a bound, of one kernel of `n` random points."""
    import scipy.linalg

    import zeroloss as zl

    x = np.random.default_rng(0).standard_normal((n, 64))
    matrix = zl.tangent.kernel_matrix(zl.MLP(64, 1, WIDTH, DEPTH, "relu", dtype="float64", key=0), x)
    ways = {
        "enclosure": lambda: zl.tangent.smallest_eigenvalue(matrix),
        "numpy eigvalsh": lambda: np.linalg.eigvalsh(matrix),
        "scipy eigvalsh": lambda: scipy.linalg.eigvalsh(matrix),
        "scipy eigvalsh, smallest only": lambda: scipy.linalg.eigvalsh(matrix, subset_by_index=[0, 0]),
    }
    answers = {name: way() for name, way in ways.items()}  # warm
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(3):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - began)
    enclosure = answers.pop("enclosure")
    noise = n * np.finfo(np.float64).eps * np.trace(matrix)  # what the others' eigenvalue may be off by
    for name, values in answers.items():
        if not enclosure.lower - noise <= values[0] <= enclosure.upper + noise:
            raise AssertionError(f"{name}: {values[0]} outside [{enclosure.lower}, {enclosure.upper}].")
    return {"n": n, "seconds": seconds, "lower": enclosure.lower, "upper": enclosure.upper}
