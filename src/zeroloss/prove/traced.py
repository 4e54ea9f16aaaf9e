"""The proof by the read-out for networks of JAX: Equinox, Flax, Haiku, Keras, a wrapped function.

Each is followed through its jaxpr (`zeroloss.tangent.followed`) and then judged as a converted torch module is. What is not
followed is UNKNOWN, and named.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.data.checks import lacking
from zeroloss.networks import as_input, trainable_mask
from zeroloss.networks.traced import NotWritableError
from zeroloss.plumbing import InputError
from zeroloss.problem import fitting_size
from zeroloss.tangent.followed import Followed, followed

NOT_FOLLOWED = "this {} is not followed through its program: {}"


def followed_for(network: Any, data: Any, y: np.ndarray) -> Followed | str:
    """The network's program on the training inputs of `data`, or why there is none.

    Raises:
        InputError: a network that does not take the inputs, or answers with another number of outputs than `y` `(n, c)` has.
    """
    x = data.x_train if hasattr(data, "x_train") else data[0]
    rows = as_input(network, x)
    outputs = fitting_size(network, rows)
    if outputs != y.shape[1]:
        raise InputError(
            f"the network answers with {outputs} numbers and the data have {y.shape[1]} targets; prove it on the data it was made "
            "for." + lacking(outputs, y.shape[1])
        )
    try:
        return followed(network, np.asarray(x) if not isinstance(x, dict | tuple | list) else rows)
    except NotWritableError as error:
        return NOT_FOLLOWED.format(type(network).__name__, error)


def moved_leaves(found: Followed, network: Any, trainable: Any) -> Any:
    """`trainable` of the network given as a mask of its program."""
    return found.trace.mask(trainable_mask(network, trainable))
