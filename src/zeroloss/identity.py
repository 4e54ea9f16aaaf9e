"""Which data and networks is a result about? The `Identity` that audits, proofs, certificates, descents and twins carry."""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.data.arrays import training_arrays
from zeroloss.data.dataset import Dataset
from zeroloss.networks import as_given
from zeroloss.networks.fingerprint import fingerprint, summary
from zeroloss.plumbing.digest import data_hash
from zeroloss.verdict.identity import Identity


def identity(data: Any, **networks: Any) -> Identity:
    """The `Identity` of `data` (a `Dataset`, or a pair `(x, y)`) and of the networks by their roles; None is left out."""
    known: dict[str, Any] = {}
    x, y = training_arrays(data)
    if isinstance(data, Dataset):
        known = {"name": data.name, "task": data.task, "source": data.source, "n_test": len(data.x_test)}
    about = known | {"n_train": len(x), "in_size": int(np.prod(x.shape[1:])), "out_size": int(np.prod(y.shape[1:]))}
    about["sha256"] = data_hash(x, y)
    if known.get("n_test"):
        about["test_sha256"] = data_hash(np.asarray(data.x_test), np.asarray(data.y_test))
    given = {role: as_given(network) for role, network in networks.items() if network is not None}
    return Identity(
        about,
        {role: summary(network) | fingerprint(network) for role, network in given.items()},
    )
