"""Problems with targets of unit variance on which `certify` says PROVED, and whether descent keeps what was promised.

python results/certify_real.py      # about three minutes and 3 GB on two cores; MNIST in $ZEROLOSS_DATA; writes certify_real.csv

Hidden layer trained, fixed read-out of signs, answers 0 at the start (`AntisymmetricMLP`), full-batch gradient descent in
float64 with the step that the theorem chose, by a loop of its own: loss and length of the path are looked at after every step.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import zeroloss as zl
from zeroloss.networks import AntisymmetricMLP

TABLE = Path(__file__).with_name("certify_real.csv")
WHITENING = 0.1
"""Added to the eigenvalues of the images' covariance before it is divided by."""
ROUNDING = 1e-9
"""Relative allowance for the rounding of the descent that is watched."""


def problems() -> Iterator[tuple[str, np.ndarray, np.ndarray, int, int]]:
    """Name, inputs of length `sqrt d`, targets of mean 0 and variance 1, width, steps."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((10, 50))
    for width in (1024, 4096):
        yield "10 points on a sphere, random signs", _long(x), rng.permutation(np.repeat([-1.0, 1.0], 5)), width, 400
    mnist = zl.load_data("mnist", n_train=5000, seed=0)
    images, labels = np.asarray(mnist.x_train, np.float64), np.asarray(mnist.labels_train)
    parity = np.where(labels % 2 == 0, 1.0, -1.0)
    for width in (8192, 32768):
        yield "10 MNIST images, even or odd", _long(images[:10]), _unit(parity[:10]), width, 400
    centred = images - images.mean(0)
    variance, axes = np.linalg.eigh(centred.T @ centred / len(centred))
    white = _long(centred @ (axes / np.sqrt(variance + WHITENING)))
    yield "100 whitened MNIST images, even or odd", white[:100], _unit(parity[:100]), 65536, 60


def _long(x: np.ndarray) -> np.ndarray:
    return x * np.sqrt(x.shape[1]) / np.linalg.norm(x, axis=1, keepdims=True)


def _unit(y: np.ndarray) -> np.ndarray:
    return (y - y.mean()) / y.std()


def watch(network: AntisymmetricMLP, x: np.ndarray, y: np.ndarray, step: float, steps: int) -> tuple[list, list]:
    """Loss and length of the path at the start and after each step."""
    import jax
    import jax.numpy as jnp

    first, last = network.weight_scales

    @jax.jit
    def move(w, readout, x, y):
        h = jnp.tanh(first * (x @ w.T))
        r = last * (h @ readout) - y
        gradient = first * last * ((r[:, None] * (1 - h**2)) * readout).T @ x / len(x)
        return w - step * gradient, jnp.sum(r**2) / (2 * len(x)), step * jnp.linalg.norm(gradient)

    losses, path = [], [0.0]
    with zl.double():
        w, readout = (jnp.asarray(np.asarray(a, np.float64)) for a in (network.weights[0], network.weights[1][0]))
        x, y = jnp.asarray(x), jnp.asarray(y)
        for _ in range(steps + 1):
            w, loss, length = move(w, readout, x, y)
            losses.append(float(loss))
            path.append(path[-1] + float(length))
    return losses, path[:-1]


def row(name: str, x: np.ndarray, y: np.ndarray, width: int, steps: int) -> dict[str, object]:
    """Certify, descend, compare."""
    began = time.perf_counter()
    network = AntisymmetricMLP(x.shape[1], 1, width)
    certificate = zl.certify(network, (x, y[:, None]), trainable="hidden", steps=100)
    seconds = time.perf_counter() - began
    theorem, verdict = certificate.theorem, certificate.verdicts["reaches"]
    found: dict[str, object] = {
        "problem": name, "n": len(x), "d": x.shape[1], "width": width, "target_variance": float(np.var(y)),
        "verdict": str(verdict.status), "ratio": theorem.ratio, "lambda_min": theorem.lam0, "beta": theorem.beta,
        "certify_seconds": round(seconds, 1),
    }  # fmt: skip
    if not theorem.holds:
        return found
    began = time.perf_counter()
    losses, path = watch(network, x, y, theorem.step_size, steps)
    promised = losses[0] * theorem.rate ** np.arange(steps + 1)
    return found | {
        "step_size": theorem.step_size, "rate": theorem.rate, "steps": steps, "first_loss": losses[0],
        "last_loss": losses[-1], "promised_last_loss": float(promised[-1]),
        "worst_loss_over_promise": float(np.max(np.array(losses) / promised)),
        "path": path[-1], "promised_path": theorem.radius,
        "kept": bool(np.all(np.array(losses) <= promised * (1 + ROUNDING)) and path[-1] <= theorem.radius),
        "descent_seconds": round(time.perf_counter() - began, 1),
    }  # fmt: skip


def main() -> None:
    """Write the table."""
    rows = []
    for problem in problems():
        rows.append(row(*problem))
        print(rows[-1], flush=True)
    with TABLE.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(max(rows, key=len)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
