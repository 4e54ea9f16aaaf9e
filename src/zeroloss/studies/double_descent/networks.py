"""The trials on networks with a hidden layer, all weights trained: by Adam, to the minimum and stopped early, and by Gauss-Newton.

All seeds of a block are trained side by side, each on its own rows, as one compiled program in float32. The widths of one
data set differ in shape and are compiled once each; the noise is data. Squared loss on one-hot targets less 1/c, so that the
equations number `n c` and the interpolation threshold is where the network has as many parameters.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from zeroloss.descent import descend
from zeroloss.networks import MLP, predict
from zeroloss.plumbing import InputError
from zeroloss.studies.double_descent.samples import Sample, sample
from zeroloss.studies.double_descent.trials import share, squared
from zeroloss.studies.grids import Metrics
from zeroloss.studies.typed import per_block, stack

STEP_SIZE, LOOK, BUDGET, GOAL = 5e-3, 50, 3000, 1e-5
"""Adam's step; steps between two looks; the most steps; the training loss at which a network has reached the minimum."""
NEWTON_STEPS, NEWTON_GOAL = 60, 1e-16
READOUT = 0.1


@dataclasses.dataclass(frozen=True)
class Hidden:
    """A data set, its training rows, the units of the hidden layer, and the share of wrong labels."""

    data: str
    n: int
    width: int
    noise: float

    def sample(self, key: int) -> Sample:
        """The sample of a seed."""
        return sample(self.data, self.n, self.noise, int(key))


def parameter_count(d: int, width: int, c: int) -> int:
    """`(d + 1) width + (width + 1) c`."""
    return (d + 1) * width + (width + 1) * c


def network(drawn: Sample, width: int, key: int) -> MLP:
    """The start: `width` relu units, He's variances, and a read-out of `READOUT` times those.

    At the full size the answers at the start, about 1.4 per class, would stay in those of a wide network after training, as a noise
    that has nothing to do with the labels.
    """
    net = MLP(
        drawn.x.shape[1], drawn.classes, width, 1, activation="relu", parametrization="standard", key=1000 + int(key)
    )
    return eqx.tree_at(lambda n: (n.weights[-1], n.biases[-1]), net, replace_fn=lambda leaf: READOUT * leaf)


@per_block
def adam(cell: Hidden, keys: np.ndarray) -> Metrics:
    """Adam on the full batch until the training loss is at most `GOAL`, or `BUDGET` steps; looks every `LOOK` steps.

    `stopped_*` is at the look of least squared error on the rows to choose with, whose labels are as noisy.

    Metrics: `parameters`, `equations` (`n c`), `loss` (`1/(2n) sum |f - y|^2`), `train_error`, `error`, `squared`, `steps`,
    `minimum` (whether `GOAL` was reached), `norm` (of all weights), `stopped_error`, `stopped_squared`,
    `stopped_train_error`, `stopped_steps`.
    """
    return stack(_adam(cell, keys))


def _adam(cell: Hidden, keys: np.ndarray) -> list[dict[str, Any]]:
    drawn, width = [cell.sample(key) for key in keys], cell.width
    nets = [network(one, width, int(key)) for one, key in zip(drawn, keys, strict=True)]
    weights, fixed = eqx.partition(jax.tree.map(lambda *leaves: jnp.stack(leaves), *nets), eqx.is_inexact_array)
    arrays = [_stack([np.asarray(getattr(one, name)) for one in drawn]) for name in ("x", "x_choosing", "x_test")]
    y = _stack([one.targets(one.labels) for one in drawn])
    state = jax.vmap(optax.adam(STEP_SIZE).init)(weights)
    ends: list[dict[str, Any] | None] = [None] * len(keys)
    best: list[dict[str, Any]] = [{} for _ in keys]
    for steps in range(LOOK, BUDGET + 1, LOOK):
        weights, state = _steps(weights, state, fixed, arrays[0], y)
        f, f_choosing, f_test, norms = (np.asarray(a) for a in _looked(weights, fixed, *arrays))
        for i, one in enumerate(drawn):
            if ends[i] is not None:
                continue
            row = {
                "loss": ((f[i] - one.targets(one.labels)) ** 2).sum() / (2 * len(one.x)),
                "train_error": share(f[i], one.labels),
                "error": share(f_test[i], one.labels_test),
                "squared": squared(one, f_test[i], one.labels_test),
                "steps": steps,
                "norm": float(norms[i]),
            }
            choosing = squared(one, f_choosing[i], one.labels_choosing)
            if not best[i] or choosing < best[i]["choosing"]:
                best[i] = row | {"choosing": choosing}
            if row["loss"] <= GOAL or steps >= BUDGET:
                ends[i] = row
        if all(end is not None for end in ends):
            break
    return [_row(one, width, end or {}, early) for one, end, early in zip(drawn, ends, best, strict=True)]


def _row(drawn: Sample, width: int, end: dict[str, Any], early: dict[str, Any]) -> dict[str, Any]:
    sizes = {
        "parameters": parameter_count(drawn.x.shape[1], width, drawn.classes),
        "equations": len(drawn.x) * drawn.classes,
    }
    stopped = {f"stopped_{name}": early[name] for name in ("error", "squared", "train_error", "steps")}
    return sizes | end | {"minimum": end["loss"] <= GOAL} | stopped


@per_block
def newton(cell: Hidden, keys: np.ndarray) -> Metrics:
    """Gauss-Newton (`zeroloss.descend`, float64) and Adam from the same start, on the same rows.

    Metrics: `parameters`, `equations`, `loss`, `zero` (whether the loss is at most `NEWTON_GOAL`), `steps`, `train_error`,
    `error`; `adam_error`, `adam_loss`, `adam_minimum`.
    """
    found = []
    for key, by_adam in zip(keys, _adam(cell, keys), strict=True):
        drawn, width = cell.sample(key), cell.width
        start = network(drawn, width, int(key))
        fit = descend(
            start,
            (drawn.x, drawn.targets(drawn.labels)),
            "gauss-newton",
            steps=NEWTON_STEPS,
            tolerance=NEWTON_GOAL,
        )
        loss = float(fit.loss)
        if not np.isfinite(loss):
            raise InputError("Gauss-Newton ended at a loss that is not finite.")
        found.append(
            {
                "parameters": parameter_count(drawn.x.shape[1], width, drawn.classes),
                "equations": len(drawn.x) * drawn.classes,
                "loss": loss,
                "zero": loss <= NEWTON_GOAL,
                "steps": int(fit.history["step"][-1]),
                "train_error": share(predict(fit.network, drawn.x), drawn.labels),
                "error": share(predict(fit.network, drawn.x_test), drawn.labels_test),
                "adam_error": by_adam["error"],
                "adam_loss": by_adam["loss"],
                "adam_minimum": by_adam["minimum"],
            }
        )
    return stack(found)


def _stack(arrays: list[np.ndarray]) -> jax.Array:
    return jnp.asarray(np.stack(arrays), jnp.float32)


def _outputs(weights: Any, fixed: Any, x: Any) -> Any:
    return jax.vmap(eqx.combine(weights, fixed))(x)


@eqx.filter_jit
def _steps(weights: Any, state: Any, fixed: Any, x: Any, y: Any) -> Any:
    """`LOOK` steps of each network on its own rows."""

    def one(weights: Any, state: Any, x: Any, y: Any) -> Any:
        def step(carried: Any, _: Any) -> Any:
            weights, state = carried
            gradient = jax.grad(lambda w: ((_outputs(w, fixed, x) - y) ** 2).sum() / (2 * len(x)))(weights)
            change, state = optax.adam(STEP_SIZE).update(gradient, state)
            return (optax.apply_updates(weights, change), state), None

        return jax.lax.scan(step, (weights, state), length=LOOK)[0]

    return jax.vmap(one)(weights, state, x, y)


@eqx.filter_jit
def _looked(weights: Any, fixed: Any, x: Any, x_choosing: Any, x_test: Any) -> Any:
    """Answers on the training rows, the rows to choose with and the test rows; norms of the weights."""

    def one(weights: Any, x: Any, x_choosing: Any, x_test: Any) -> Any:
        norm = jnp.sqrt(sum((leaf**2).sum() for leaf in jax.tree.leaves(weights)))
        return *(_outputs(weights, fixed, part) for part in (x, x_choosing, x_test)), norm

    return jax.vmap(one)(weights, x, x_choosing, x_test)
