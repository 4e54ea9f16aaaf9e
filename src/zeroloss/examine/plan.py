"""What an examination will do, with its cost: the default network, the methods, the sizes of the side experiments.

The default network has a first hidden layer of at most 256 units and a last one a quarter wider than there are distinct
inputs, so that the proof by the read-out applies (Kawaguchi & Huang 2019: narrow layers, and a last one of about n
units). Work is fixed by counting operations, not by the clock, so that the same command does the same work everywhere.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

from zeroloss.data import Dataset, collapse
from zeroloss.networks import MLP
from zeroloss.plumbing import InputError

GAUSS_NEWTON_EQUATIONS = 16_000
"""Up to this many equations the minimum is reached by Gauss-Newton (4.1 GB for kernel and factor); above, by Adam in
batches."""
CURVE_OPERATIONS = 7e11
EPOCHS = 60
SWEEP_WIDTHS = (2, 4, 8, 16, 32, 64, 128, 256)
SWEEP_OPERATIONS = 4e11
OPERATIONS_PER_SECOND = 4e10
"""Of a machine like a two-core server, for the expected time that is said before anything starts."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """Attributes:
    widths: of the network's hidden layers; method: of the descent to the minimum.
    curve_steps: steps of gradient descent for the loss curve.
    sweep_widths, sweep_seeds, sweep_steps: of the experiment on width.
    seconds, gigabytes: expected time and memory of all.
    """

    widths: tuple[int, ...]
    method: str
    curve_steps: int
    epochs: int
    sweep_widths: tuple[int, ...]
    sweep_seeds: tuple[int, ...]
    sweep_steps: int
    seconds: float
    gigabytes: float

    @property
    def sentence(self) -> str:
        """For a person, before it starts."""
        return f"expect about {self.seconds:.0f} s and {self.gigabytes:.1f} GB on two idle cores"


def default_widths(data: Dataset) -> tuple[int, ...]:
    """Two hidden layers: the first 64 to 256 units, the last a quarter wider than the number of distinct inputs."""
    distinct = len(collapse(data.x_train, data.y_train).x)
    first = int(min(256, max(64, 2 ** math.ceil(math.log2(max(distinct / 4, 1))))))
    return first, 32 * math.ceil(1.25 * distinct / 32)


def make_plan(data: Dataset, network: Any) -> Plan:
    """The plan for `network` on `data`.

    Raises:
        InputError: it would not fit into memory, with what to do instead.
    """
    n, equations = data.n, data.n * data.out_size
    sizes = (network.in_size, *network.widths, network.out_size)
    parameters = sum(a * b + b for a, b in itertools.pairwise(sizes))
    step = 6.0 * n * parameters
    curve_steps = int(min(2000, max(20, CURVE_OPERATIONS / step)))
    method = "gauss-newton" if equations <= GAUSS_NEWTON_EQUATIONS else "adam"
    depth = max(1, network.depth)
    rows = min(n, 2000)
    sweep = tuple(w for w in SWEEP_WIDTHS if 6.0 * rows * _count(data, w, depth) * 120 * 3 < SWEEP_OPERATIONS)
    total = sum(6.0 * rows * _count(data, w, depth) for w in sweep)
    sweep_steps = int(min(1000, max(100, SWEEP_OPERATIONS / (3 * max(total, 1)))))
    factor = (
        equations**3 / 3 * 3 + equations**2 * sum(sizes[1:]) * 3 + 400 * step
        if method == "gauss-newton"
        else step * EPOCHS
    )
    work = curve_steps * step + factor + 3 * sweep_steps * total + 3 * n**2 * sizes[-2] + 200 * step
    memory = (
        (24.0 * equations**2 if method == "gauss-newton" else 0.0)
        + 8 * 12 * n * max(sizes)
        + 60 * parameters
        + 8 * 4 * n**2
    )
    plan = Plan(
        network.widths,
        method,
        curve_steps,
        EPOCHS,
        sweep,
        (0, 1, 2),
        sweep_steps,
        25 + work / OPERATIONS_PER_SECOND,
        0.6 + memory / 1e9,
    )
    available = _memory_gigabytes()
    if available is not None and plan.gigabytes > available:
        raise InputError(
            f"this examination needs about {plan.gigabytes:.0f} GB and there are {available:.0f}; "
            "give --n-train a smaller number of examples."
        )
    return plan


def _count(data: Dataset, width: int, depth: int) -> int:
    return MLP_parameters(data.in_size, data.out_size, width, depth)


def MLP_parameters(in_size: int, out_size: int, width: int, depth: int) -> int:  # noqa: N802
    """Parameters of an `MLP` of equal widths."""
    return (in_size + 1) * width + (depth - 1) * (width + 1) * width + (width + 1) * out_size


def _memory_gigabytes() -> float | None:
    import os

    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES") / 1e9
    except (ValueError, OSError, AttributeError):
        return None


def default_network(data: Dataset, *, activation: str = "tanh", parametrization: str = "ntk", seed: int = 0) -> MLP:
    """The network an examination takes where none is named."""
    return MLP(data.in_size, data.out_size, default_widths(data), None, activation, parametrization, key=seed)
