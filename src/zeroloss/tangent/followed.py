"""The program of a JAX network, for proofs about it: traced in float64, and compared with the network's own answers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.networks import Wrapped, as_input, predict
from zeroloss.networks.traced import NotWritableError, Trace, trace
from zeroloss.plumbing import double
from zeroloss.plumbing.precision import as_double
from zeroloss.tangent.jaxpr.independence import check_independent

AGREE = 1e-9
"""Relative difference of the answers of network and program in float64 that is taken for rounding."""
AGREE_SINGLE = 1e-4
"""The same for a network that computes in float32."""


@dataclasses.dataclass(frozen=True)
class Followed:
    """`trace` of a float64 network, or of one that computes in float32 whatever its weights (`narrow`), whose program was then
    taken in float64."""

    trace: Trace
    narrow: bool

    def back(self, network: Any) -> Any:
        """The parameters of the program in the network given; the program itself where that would round them to float32."""
        return network if self.narrow else self.trace.back(network)


def followed(network: Any, x: np.ndarray) -> Followed:
    """The program of `network` on examples like the rows of `x` `(n, ...)`, its weights at their exact float64 values.

    Where the network casts to float32 itself (Keras does) it is followed in its own precision, and its program is taken in exact
    arithmetic as that of any float32 network is.

    Raises:
        NotWritableError: a part of it cannot be followed, or network and program disagree.
        InputError: a wrapped function that mixes examples.
    """
    rows = as_input(network, x)
    if isinstance(network, Wrapped):
        check_independent(network, rows)
    whole, shape = rows.dtype.kind == "i", rows.shape[1:]
    try:
        found = Followed(_traced(network, shape, whole, wide=True), False)
    except NotWritableError as first:
        if "float32" not in str(first) and not isinstance(first.__cause__, TypeError | ValueError):
            raise
        found = Followed(_traced(network, shape, whole, wide=False), True)
    _compare(found, x)
    if found.narrow:
        with double():
            found = dataclasses.replace(
                found, trace=dataclasses.replace(found.trace, network=as_double(found.trace.network))
            )
    return found


def _traced(network: Any, shape: tuple[int, ...], whole: bool, wide: bool) -> Trace:
    try:
        return trace(network, shape, whole, gradients=False, wide=wide)
    except (TypeError, ValueError) as error:  # strict on types: it does not run on float64 weights
        raise NotWritableError(f"it does not run in {'float64' if wide else 'its own precision'}") from error


def _compare(found: Followed, x: np.ndarray) -> None:
    one, other = (np.asarray(predict(n, x), np.float64) for n in (found.trace.source, found.trace.network))
    tolerance = AGREE_SINGLE if found.narrow else AGREE
    if one.shape != other.shape or not np.max(np.abs(one - other), initial=0.0) <= tolerance * max(
        1e-300, float(np.max(np.abs(one), initial=0.0))
    ):
        raise NotWritableError("its program answers otherwise than the network; please report it")


def shared_arrays(found: Followed) -> str:
    """Which leaves are one and the same array, in words; "" where none are."""
    pairs = [f"{a} and {b}" for a, b in found.trace.shared]
    return f"; {', '.join(pairs[:4])} are one and the same array" if pairs else ""
