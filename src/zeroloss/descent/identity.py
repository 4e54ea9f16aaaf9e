"""`Identity`: which training data and which networks a result is about, so that results of different ones are never mixed."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.data.fingerprint import data_hash
from zeroloss.networks import as_given
from zeroloss.networks.fingerprint import fingerprint, summary
from zeroloss.verdict import Record


@dataclasses.dataclass(frozen=True)
class Identity(Record):
    """What a result is about.

    Attributes:
        data: `name`, `task`, `n_test`, `source` (of a `Dataset`), `n_train`, `in_size`, `out_size`, and `sha256` of the training
            inputs and targets as they were given, in float64 (`zeroloss.data.fingerprint.data_hash`); with test rows
            `test_sha256`, the same of these.
        networks: role -> `description`, what else is known of its kind, and, but of a black box, `sha256` of the whole network and
            `architecture`, of its shape alone. Roles: "start" (before training), "model" (given, or trained here),
            "polished" (the model after its proof moved the weights), "twin".
    """

    data: dict[str, Any]
    networks: dict[str, dict[str, Any]]


def identity(data: Any, **networks: Any) -> Identity:
    """The `Identity` of `data` (a `Dataset`, or a pair `(x, y)`) and of the networks by their roles; None is left out."""
    known: dict[str, Any] = {}
    if hasattr(data, "x_train"):
        x, y = np.asarray(data.x_train), np.asarray(data.y_train)
        known = {"name": data.name, "task": data.task, "source": data.source, "n_test": len(data.x_test)}
    else:
        from zeroloss.descent.problem import training_arrays

        x, y = training_arrays(data)
    about = known | {"n_train": len(x), "in_size": int(np.prod(x.shape[1:])), "out_size": int(np.prod(y.shape[1:]))}
    about["sha256"] = data_hash(x, y)
    if known.get("n_test"):
        about["test_sha256"] = data_hash(np.asarray(data.x_test), np.asarray(data.y_test))
    given = {role: as_given(network) for role, network in networks.items() if network is not None}
    return Identity(
        about,
        {role: summary(network) | fingerprint(network) for role, network in given.items()},
    )
