"""The network at its start, made comparable with the trained one: batch normalisation needs statistics that training saw."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import equinox as eqx
import jax
import numpy as np

from zeroloss.networks import TorchNetwork
from zeroloss.networks.pytorch.statistics import on_examples, untouched

VARIANCE = re.compile(r"running_var|moving_var|batch_stats.*\bvar\b")
"""The names that frameworks give to the variance kept by a batch normalisation."""


@dataclasses.dataclass(frozen=True)
class Start:
    """The network at its start.

    Attributes:
        network: as it is compared; None if there is none.
        note: a sentence on how it was changed; empty if it was not.
        refused: why its answers can't be compared with those of the trained network; empty if they can.
    """

    network: Any
    note: str = ""
    refused: str = ""


def started(network: Any, initial: Any, data: Any, key: int) -> Start:
    """`initial`, with the statistics of batch normalisation taken on the training data where training never saw those it has.

    A batch normalisation is made with mean 0 and variance 1 and normalises by each batch while it trains; evaluated with
    these, the start is another network than the one that training began with. Of a converted torch module they are taken on
    the training examples, layer by layer; of other networks the answers at the start are not compared.
    """
    if initial is None:
        return Start(None)
    if isinstance(network, TorchNetwork) and isinstance(initial, TorchNetwork):
        names = untouched(initial)
        if not names or set(names) <= set(untouched(network)):
            return Start(initial)
        found = on_examples(initial, data.x_train, key)
        if found is None:
            return Start(initial, refused=_refusal(names[0]))
        rows = found[1]
        which = f"{rows} of the {len(data.x_train)}" if rows < len(data.x_train) else f"the {rows}"
        note = (
            f"The start's batch normalisation had mean 0 and variance 1, which training never saw; its statistics were taken on "
            f"{which} training examples."
        )
        return Start(found[0], note=note)
    name = _unseen(network, initial)
    return Start(initial, refused=_refusal(name) if name else "")


def _refusal(name: str) -> str:
    return (
        f"the start's batch normalisation ({name}) has variance 1, which training never saw, so its answers are not those that "
        "training began with; run the training examples through it in training mode first"
    )


def _unseen(network: Any, initial: Any) -> str:
    """The name of a variance that is 1 throughout at the start and not at the end; empty if there is none."""
    end = {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(network)}
    for path, leaf in jax.tree_util.tree_leaves_with_path(initial):
        name = jax.tree_util.keystr(path)
        if VARIANCE.search(name) and eqx.is_inexact_array(leaf) and bool((np.asarray(leaf) == 1).all()):
            other = end.get(name)
            if other is not None and not bool((np.asarray(other) == 1).all()):
                return name
    return ""
