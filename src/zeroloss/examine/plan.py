"""`Plan`: what an examination will do, and its cost: the default network, the methods, the sizes of the side experiments.

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
from zeroloss.descent.gauss_newton import DENSE
from zeroloss.networks import MLP
from zeroloss.plumbing import InputError
from zeroloss.plumbing.cost import Cost, expected_seconds
from zeroloss.plumbing.format import format_bytes
from zeroloss.plumbing.memory import available_bytes

NEWTON_EQUATIONS = 20_000
"""Number of equations up to which a few Gauss-Newton steps follow Adam; above, they would take longer than all the rest."""
NEWTON_STEPS = 2
CURVE_OPERATIONS = 5e11
EPOCHS = 120
EPOCH_OPERATIONS = 2.5e12
SWEEP_WIDTHS = (2, 4, 8, 16, 64, 256)
SWEEP_OPERATIONS = 4e11
SLOWER = 4.0
"""How much slower training runs than one large matrix product, for the expected time."""
START = Cost(seconds=40, bytes=6e8)
"""Compilation, figures and the page, and what the imported libraries hold."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """Attributes:
    widths: of the network's hidden layers.
    epochs, newton_steps: of Adam and of Gauss-Newton on the way to the minimum.
    curve_steps: steps of gradient descent for the loss curve.
    sweep_widths, sweep_seeds, sweep_steps: of the experiment on width.
    cost: expected time and memory of all.
    """

    widths: tuple[int, ...]
    curve_steps: int
    epochs: int
    newton_steps: int
    sweep_widths: tuple[int, ...]
    sweep_seeds: tuple[int, ...]
    sweep_steps: int
    cost: Cost

    @property
    def seconds(self) -> float:
        """Expected time."""
        return self.cost.seconds

    @property
    def gigabytes(self) -> float:
        """Memory at the peak."""
        return self.cost.bytes / 1e9

    @property
    def sentence(self) -> str:
        """Expected time and memory as text, to be shown before the start."""
        return f"expect {self.cost.sentence} on this machine"


def default_widths(data: Dataset) -> tuple[int, ...]:
    """Two hidden layers: the first 64 to 256 units, the last a quarter wider than the number of distinct inputs."""
    distinct = len(collapse(data.x_train, data.y_train).x)
    first = int(min(256, max(64, 2 ** math.ceil(math.log2(max(distinct / 4, 1))))))
    return first, 32 * math.ceil(1.25 * distinct / 32)


def make_plan(data: Dataset, network: Any) -> Plan:
    """The plan for `network` on `data`.

    Raises:
        InputError: it would not fit into memory; the message names what to do instead.
    """
    n, equations = data.n, data.n * data.out_size
    sizes = (network.in_size, *network.widths, network.out_size)
    parameters = sum(a * b + b for a, b in itertools.pairwise(sizes))
    step = 6.0 * n * parameters
    curve_steps = int(min(2000, max(20, CURVE_OPERATIONS / step)))
    epochs = int(min(EPOCHS, max(20, EPOCH_OPERATIONS / step)))
    dense = equations <= DENSE
    newton = 30 if dense else NEWTON_STEPS if equations <= NEWTON_EQUATIONS else 0
    depth = max(1, network.depth)
    rows = min(n, 2000)
    sweep = tuple(w for w in SWEEP_WIDTHS if 6.0 * rows * _count(data, w, depth) * 120 * 3 < SWEEP_OPERATIONS)
    total = sum(6.0 * rows * _count(data, w, depth) for w in sweep)
    sweep_steps = int(min(1000, max(100, SWEEP_OPERATIONS / (3 * max(total, 1)))))
    trace = 2.0 * n**2 * sum(sizes[1:]) * data.out_size
    newton_work = newton * (equations**3 / 3 if dense else 70 * step + trace)
    sweep_work = 3 * sweep_steps * total
    work = (curve_steps + epochs + 200) * step + newton_work + sweep_work + trace + 3 * n**2 * sizes[-2]
    memory = 8.0 * (3 * n * data.out_size * max(sizes) + 12 * n * max(sizes) + 8 * parameters + 4 * n**2)
    plan = Plan(
        widths=network.widths,
        curve_steps=curve_steps,
        epochs=epochs,
        newton_steps=newton,
        sweep_widths=sweep,
        sweep_seeds=(0, 1, 2),
        sweep_steps=sweep_steps,
        cost=Cost(START.seconds + expected_seconds(work, str(network.dtype), SLOWER), START.bytes + memory, work),
    )
    free = available_bytes()
    if not plan.cost.fits(free):
        raise InputError(
            f"this examination needs about {format_bytes(plan.cost.bytes)} and {format_bytes(free or 0)} are free; "
            "give --n-train a smaller number of examples."
        )
    return plan


def _count(data: Dataset, width: int, depth: int) -> int:
    return MLP_parameters(data.in_size, data.out_size, width, depth)


def MLP_parameters(in_size: int, out_size: int, width: int, depth: int) -> int:  # noqa: N802
    """Number of parameters of an `MLP` of equal widths."""
    return (in_size + 1) * width + (depth - 1) * (width + 1) * width + (width + 1) * out_size


def default_network(data: Dataset, *, activation: str = "tanh", parametrization: str = "ntk", seed: int = 0) -> MLP:
    """The network of an examination if none is given."""
    return MLP(data.in_size, data.out_size, default_widths(data), None, activation, parametrization, key=seed)
