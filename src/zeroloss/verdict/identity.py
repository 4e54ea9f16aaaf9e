"""`Identity`: which training data and which networks a result is about, so that results of different ones are never mixed."""

from __future__ import annotations

import dataclasses
from typing import Any

from zeroloss.verdict.record import Record


@dataclasses.dataclass(frozen=True)
class Identity(Record):
    """What a result is about.

    Attributes:
        data: `name`, `task`, `n_test`, `source` (of a `Dataset`), `n_train`, `in_size`, `out_size`, and `sha256` of the training
            inputs and targets as they were given, in float64 (`zeroloss.plumbing.digest.data_hash`); with test rows
            `test_sha256`, the same of these.
        networks: role -> `description`, what else is known of its kind, and, but of a black box, `sha256` of the whole network and
            `architecture`, of its shape alone. Roles: "start" (before training), "model" (given, or trained here),
            "polished" (the model after its proof moved the weights), "twin".
    """

    data: dict[str, Any]
    networks: dict[str, dict[str, Any]]
