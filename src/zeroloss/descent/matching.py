"""Data and network made to agree on the number of outputs: a single logit for two classes, classes that do not occur."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax

from zeroloss.data import Dataset
from zeroloss.data.load import as_data
from zeroloss.data.task import for_outputs
from zeroloss.networks import BlackBox, precision, predict
from zeroloss.tangent.points import output_size, points


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
    """How many numbers `network` answers to an example of the data; None where it does not take it (what uses it says why)."""
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
    except Exception:  # anything may go wrong in a function of the user's; the question is asked again where it matters
        return None
