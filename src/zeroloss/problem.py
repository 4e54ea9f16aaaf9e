"""`Problem`: a network at its weights, the data it is fitted to, and which of its weights may move.

The common preparation is done here, once: the network is converted to one of this library's, the data get targets for its
outputs, shapes and numbers are checked, both are cast to float64 exactly, equal inputs are collapsed, everything is hashed.
`certify`, `descend`, `prove`, the cards and an examination take `(network, data)` or a `Problem`, and share what one of them
has computed.
"""

from __future__ import annotations

import contextlib
from functools import cached_property
from typing import Any

import equinox as eqx
import jax
import numpy as np

from zeroloss.data.arrays import lower_bound_of_squares, training_arrays
from zeroloss.data.checks import lacking
from zeroloss.data.content import read_only
from zeroloss.data.dataset import Dataset
from zeroloss.data.load import as_data
from zeroloss.data.repeats import Collapsed, collapse, contradictions
from zeroloss.data.task import for_outputs
from zeroloss.networks import (
    BlackBox,
    FeedForward,
    SquasherNetwork,
    TorchNetwork,
    differentiable,
    is_double,
    on_rows,
    precision,
    predict,
    trainable_mask,
)
from zeroloss.networks.pytorch.inputs import check_images, check_inputs
from zeroloss.networks.weights import check_weights
from zeroloss.plumbing import InputError, double
from zeroloss.plumbing.digest import data_hash
from zeroloss.plumbing.exact import as_float64
from zeroloss.plumbing.precision import as_double
from zeroloss.tangent.points import output_size, points
from zeroloss.verified.forward import Layer, forward
from zeroloss.verified.jacobian import Trained, trained_layers
from zeroloss.verified.layers import Layers
from zeroloss.verified.lipschitz import Constants, constants


class Problem:
    """A network at its weights, its training data, and what may move.

    Args:
        network: called on one example; or what `zeroloss.networks.differentiable` takes.
        data: a `Dataset`, a pair `(x, y)`, or a loader.
        trainable: which parameters may move; see `zeroloss.networks.trainable_mask`.

    Attributes (arrays are read-only):
        network: as a network of this library, in the precision it has; data: with targets for its outputs; given: as they came.
        mask: True where a parameter may move.
        inputs: the training inputs `(n, ...)` as given; x: `(n, d)` and y: `(n, c)`, exact in float64.

    Raises:
        InputError: a network that has no weights, or that does not fit the data; NaN, or numbers that float64 cannot hold.
    """

    def __init__(self, network: Any, data: Any, trainable: Any = None):
        self.given = data = owned(as_data(data))
        network = differentiable(network, data if hasattr(data, "x_train") else np.asarray(data[0]))
        self.network = owned(on_rows(network, data))
        self.data = matched(self.network, data)
        self.trainable = trainable
        check_weights(self.network)
        self.inputs, targets = training_arrays(self.data)
        check_inputs(self.network, self.inputs)
        check_images(self.network, self.data)
        self.inputs = read_only(np.asarray(self.inputs))
        self.x = read_only(as_float64(self.inputs, "inputs").reshape(len(self.inputs), -1))
        if isinstance(self.network, FeedForward | SquasherNetwork):
            self.inputs = self.inputs.reshape(len(self.inputs), -1)  # images, whose pixels are numbers like others
        self.y = read_only(as_float64(targets, "targets"))
        self._check_fit()
        self.mask: Any = trainable_mask(self.network, trainable)

    def _check_fit(self) -> None:
        net, d, columns = self.network, self.x.shape[1], self.y.shape[1]
        if isinstance(net, FeedForward | TorchNetwork):
            with precision(net):
                sizes = net.in_size, net.out_size
            if sizes != (d, columns):
                made = f", with in_size={d} and out_size={columns}" if isinstance(net, FeedForward) else ""
                raise InputError(
                    f"the network maps {sizes[0]} numbers to {sizes[1]} outputs and the data have {d} and {columns}; give one made "
                    f"for them{made}." + lacking(sizes[1], columns)
                )
            return
        outputs = fitting_size(net, self.inputs[:1])
        if outputs != columns:
            raise InputError(
                f"the network has {outputs} outputs and the targets {columns} columns; give the network out_size={columns}."
                + lacking(outputs, columns)
            )

    @property
    def n(self) -> int:
        """Training examples."""
        return len(self.x)

    @property
    def wide(self) -> bool:
        """Whether the network is float64."""
        return is_double(self.network)

    @cached_property
    def double(self) -> Any:
        """The network in float64, its weights unchanged."""
        with double():
            return as_double(self.network)

    @cached_property
    def distinct(self) -> Collapsed:
        """Distinct inputs, the means of their targets, how often each occurs."""
        return collapse(self.x, self.y)

    @cached_property
    def clashes(self) -> int:
        """Groups of equal inputs with different targets."""
        return len(contradictions(self.x, self.y))

    @cached_property
    def infimum(self) -> float:
        """`1/(2n) sum |y - mean of its group|^2`, rounded down: the least squared risk."""
        return lower_bound_of_squares(self.x, self.y)

    @cached_property
    def equations(self) -> int:
        """One for each distinct input and output."""
        return int(self.distinct.y.size)

    @cached_property
    def layers(self) -> Layers | None:
        """The network as the trusted core sees it; None where it is not fully connected."""
        return Layers.of(self.network) if isinstance(self.network, FeedForward) else None

    @cached_property
    def trained(self) -> Trained | None:
        """Which layers of a fully connected network may move."""
        return None if self.layers is None else trained_layers(self.layers, self.mask)

    @cached_property
    def forward(self) -> list[Layer]:
        """Every layer of a fully connected network at the distinct inputs, with error bounds."""
        assert self.layers is not None
        return forward(self.layers, self.distinct.x)

    @cached_property
    def constants(self) -> Constants:
        """The proved constants of a fully connected network at these weights."""
        assert self.layers is not None and self.trained is not None
        at = self.distinct
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is infinite, and proves nothing
            return constants(self.layers, at.x, at.y, at.rounding, at.sizes, self.trained)

    @cached_property
    def data_sha256(self) -> str:
        """Of the training data as float64."""
        return data_hash(self.x, self.y)

    def at(self, network: Any) -> Problem:
        """The same data and trainable parameters at other weights of the same network."""
        other = object.__new__(Problem)
        other.__dict__ |= {k: v for k, v in self.__dict__.items() if k not in _OF_WEIGHTS}
        other.network = network
        return other

    def __repr__(self) -> str:
        d, c = self.x.shape[1], self.y.shape[1]
        return f"<Problem: a {type(self.network).__name__} on {self.n} examples of {d} numbers, {c} targets each>"


_OF_WEIGHTS = {"network", "double", "layers", "forward", "constants"}
"""What is different at other weights."""


def owned(tree: Any) -> Any:
    """`tree` with a read-only copy of each NumPy array that somebody may write to; one array in two places stays one.

    What a problem has computed once must stay what its hashes say, whatever the caller does with his arrays afterwards.
    """
    copies: dict[int, np.ndarray] = {}

    def copy(leaf: Any) -> Any:
        if type(leaf) is not np.ndarray or not leaf.flags.writeable:
            return leaf
        return copies.setdefault(id(leaf), read_only(leaf))

    return jax.tree.map(copy, tree)


def as_problem(network: Any, data: Any = None, trainable: Any = None) -> Problem:
    """`network` if it is a `Problem`, else the problem of these.

    Raises:
        InputError: as `Problem`; a problem with data or `trainable` beside it; no data.
    """
    if isinstance(network, Problem):
        if data is not None or trainable is not None:
            raise InputError("a Problem has its data and its trainable parameters in it; give it alone.")
        return network
    if data is None:
        raise InputError("the data are missing; give a network and its data, or a zeroloss.Problem.")
    return Problem(network, data, trainable)


def network_and_data(network: Any, data: Any) -> tuple[Any, Any]:
    """Both, also where `network` is a `Problem`; for questions that take networks without weights too.

    Raises:
        InputError: a problem with data beside it; no data.
    """
    if isinstance(network, Problem) or data is None:
        problem = as_problem(network, data)
        return problem.network, problem.given
    return network, data


def fitting_size(network: Any, x: np.ndarray) -> int:
    """The network's number of outputs on rows like those of `x`, in its own precision."""
    with double() if is_double(network) else contextlib.nullcontext():
        return output_size(network, x)


def matched(network: Any, data: Any) -> Any:
    """`data` with targets for the outputs of `network`, by the rule of `zeroloss.data.task.for_outputs`; pairs as they are, a
    loader as a data set.

    Raises:
        InputError: several outputs for one column of whole numbers that was guessed to be a regression.
    """
    data = as_data(data)
    if not isinstance(data, Dataset):
        return data
    outputs = outputs_of(network, data)
    return data if outputs is None else for_outputs(data, outputs)


def outputs_of(network: Any, data: Dataset) -> int | None:
    """Number of outputs of `network` on an example of the data; None where it does not take one (the caller reports why)."""
    try:
        if isinstance(network, BlackBox):
            return int(network(data.x_train[:1]).shape[1])
        with precision(network):
            known = getattr(network, "out_size", None)
        if isinstance(known, int):
            return known
        if jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array)):
            with precision(network):
                return output_size(network, points(network, data.x_train[:1]))
        answer = predict(network, data.x_train[:2])
        return 1 if answer.ndim == 1 else int(answer.shape[1])
    except (
        Exception
    ):  # anything may go wrong in a function of the user's; what needs the answer computes it again, and reports it
        return None
