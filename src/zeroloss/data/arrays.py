"""Training inputs and targets as arrays, checked, from whatever holds them; and the least squared risk they allow."""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.data.load import as_data
from zeroloss.data.repeats import round_down, spread
from zeroloss.plumbing import InputError
from zeroloss.plumbing.exact import as_float64
from zeroloss.plumbing.layout import joined, several


def training_arrays(data: Any) -> tuple[np.ndarray, np.ndarray]:
    """`x (n, ...)` and `y (n, c)` of a `Dataset`, of a pair `(x, y)` (several inputs side by side), or of a loader.

    Raises:
        InputError: shapes that do not fit, no rows, NaN or infinity, numbers that no float64 equals.
    """
    data = as_data(data)
    given = (data.x_train, data.y_train) if hasattr(data, "x_train") else data
    y = np.asarray(given[1])
    x = joined(given[0]) if several(given[0], len(y) if y.ndim else None) else np.asarray(given[0])
    y = y[:, None] if y.ndim == 1 else y
    if len(x) == 0 or len(x) != len(y) or y.ndim != 2:
        raise InputError(
            f"inputs {x.shape} and targets {y.shape} do not fit; give (n, d) and (n, c) with n of at least 1."
        )
    if not (np.isfinite(as_float64(given[0], "inputs")).all() and np.isfinite(as_float64(given[1], "targets")).all()):
        raise InputError("the training data hold NaN or infinity; remove or fill those rows.")
    return x, y


def lower_bound_of_squares(x: np.ndarray, y: np.ndarray) -> float:
    """`1/(2n) sum |y - mean of its group of equal inputs|^2`, exact, rounded down: no network has a smaller squared risk."""
    return float(round_down(spread(x.reshape(len(x), -1), y) / (2 * len(x))))
