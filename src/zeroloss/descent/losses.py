"""Losses as means over examples."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Protocol

from zeroloss.data.task import ROW_SUM
from zeroloss.plumbing import InputError


class Loss(Protocol):
    """`loss(outputs, targets) -> number` for `(n, c)` arrays, a mean over the n examples.

    `smoothness` bounds the second derivative of the loss of one example by its outputs (None: there is none); step
    sizes rest on it.
    """

    name: ClassVar[str]
    smoothness: ClassVar[float | None]

    def __call__(self, outputs: Any, targets: Any) -> Any: ...

    def check(self, targets: Any) -> None: ...


@dataclasses.dataclass(frozen=True)
class Squared:
    """`1/(2n) sum_i |f(x_i) - y_i|^2`."""

    name: ClassVar[str] = "squared"
    smoothness: ClassVar[float | None] = 1.0

    def __call__(self, outputs, targets):
        return 0.5 * ((outputs - targets) ** 2).sum() / len(targets)

    def check(self, targets) -> None:
        return None


@dataclasses.dataclass(frozen=True)
class CrossEntropy:
    """`1/n sum_i (- sum_a y_ia log softmax(f(x_i))_a)`, targets one-hot or soft labels; one column: `BinaryCrossEntropy`.

    Its infimum is not attained unless every group of equal inputs contains every class.
    """

    name: ClassVar[str] = "cross-entropy"
    smoothness: ClassVar[float | None] = 0.5

    def __call__(self, outputs, targets):
        import jax

        if targets.shape[1] == 1:
            return BinaryCrossEntropy()(outputs, targets)
        return -(targets * jax.nn.log_softmax(outputs, axis=-1)).sum() / len(targets)

    def check(self, targets) -> None:
        import numpy as np

        if targets.shape[1] == 1:
            return BinaryCrossEntropy().check(targets)
        if np.min(targets) < 0 or not np.allclose(np.sum(targets, 1), 1, rtol=0, atol=ROW_SUM):
            raise InputError(
                "cross-entropy needs one column per class, each row a distribution over them; use binary-cross-entropy for "
                "several labels per row, or the squared loss."
            )
        return None


@dataclasses.dataclass(frozen=True)
class BinaryCrossEntropy:
    """`1/n sum_i sum_a (log(1 + e^(f_a(x_i))) - y_ia f_a(x_i))`: each output a logit of its own (before any sigmoid).

    Targets: 0 and 1 or soft labels between them; or -1 and 1, which stand for 0 and 1. A sum over outputs: PyTorch's
    `BCEWithLogitsLoss` with its default mean is `1/c` of it. Its infimum is attained only where every group of equal
    inputs holds both values of every label.
    """

    name: ClassVar[str] = "binary-cross-entropy"
    smoothness: ClassVar[float | None] = 0.25

    def __call__(self, outputs, targets):
        import jax.numpy as jnp

        return (jnp.logaddexp(0, outputs) - jnp.maximum(targets, 0) * outputs).sum() / len(targets)

    def check(self, targets) -> None:
        import numpy as np

        targets = np.asarray(targets)
        if not (np.isin(targets, (-1, 1)).all() or (np.min(targets) >= 0 and np.max(targets) <= 1)):
            raise InputError(
                "binary-cross-entropy needs targets from 0 to 1 (or all -1 or 1), one column per output; use the squared loss."
            )


@dataclasses.dataclass(frozen=True)
class Hinge:
    """Hinge loss.

    One output, targets of either sign (asymmetric): a positive example costs `max(0, positive - f)`, any other
    `max(0, negative + f)`; `balanced` takes the mean over the positives plus the mean over the others (as in Brutzkus &
    Globerson 2018), otherwise the mean over all. Several outputs, one-hot targets:
    `max(0, positive - (f_y - max_other f))`.
    """

    positive: float = 1.0
    negative: float = 1.0
    balanced: bool = False
    name: ClassVar[str] = "hinge"
    smoothness: ClassVar[float | None] = None

    def __call__(self, outputs, targets):
        import jax.numpy as jnp

        if targets.shape[1] == 1:
            is_positive = targets[:, 0] > 0
            f = outputs[:, 0]
            cost = jnp.where(is_positive, jnp.maximum(0, self.positive - f), jnp.maximum(0, self.negative + f))
            if self.balanced:
                count = is_positive.sum()
                ups = jnp.where(is_positive, cost, 0).sum() / jnp.maximum(count, 1)
                return ups + jnp.where(is_positive, 0, cost).sum() / jnp.maximum(len(f) - count, 1)
            return cost.mean()
        own = (targets * outputs).sum(-1)
        other = jnp.where(targets > 0, -jnp.inf, outputs).max(-1)
        return jnp.maximum(0, self.positive - (own - other)).mean()

    def check(self, targets) -> None:
        import numpy as np

        one_hot = np.isin(targets, (0, 1)).all() and (np.sum(targets, 1) == 1).all()
        if targets.shape[1] > 1 and not one_hot:
            raise InputError(
                "the hinge loss needs one output with targets of either sign, or one-hot targets of several classes."
            )


LOSSES: dict[str, type[Any]] = {
    "squared": Squared,
    "cross-entropy": CrossEntropy,
    "binary-cross-entropy": BinaryCrossEntropy,
    "hinge": Hinge,
}


def as_loss(loss: str | Loss) -> Loss:
    """A loss by name (`squared`, `cross-entropy`, `binary-cross-entropy`, `hinge`), or as it is."""
    if isinstance(loss, str):
        if loss not in LOSSES:
            raise InputError(f"there is no loss {loss!r}; choose one of {', '.join(LOSSES)}.")
        return LOSSES[loss]()
    return loss
