"""`conclude`: builds the `Examination` record from the run's state."""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.data import groups
from zeroloss.examine.examination import Examination
from zeroloss.examine.headline import headline
from zeroloss.networks.fingerprint import summary

ORDER = (
    "fit_minimum", "fit_classified", "fit_classified_polished", "twin_minimum", "twin_classified", "local_fit", "local_twin",
    "exists", "generic", "reaches", "curve", "lazy",
)  # fmt: skip


def conclude(state: Any, settings: dict[str, Any], seconds: float) -> Examination:
    """The `Examination` from the state (`data`, `network`, `verdicts`, `tables`, `numbers`, `seed`)."""
    data, network = state.data, state.network
    found = groups(data.x_train)
    return Examination(
        title=f"{data.name}: what zero training loss means here",
        data={
            "name": data.name,
            "task": data.task,
            "n_train": data.n,
            "n_test": len(data.x_test),
            "in_size": data.in_size,
            "out_size": data.out_size,
            "classes": list(data.classes),
            "source": data.source,
            "repeated_inputs": int(np.sum(found.sizes[found.sizes > 1])),
            "scaling": data.scaling.get("method"),
            "transformations": list(data.transformations),
            "sha256": data.digest(),
        },
        network=summary(network),
        verdicts={name: state.verdicts[name] for name in ORDER if name in state.verdicts},
        headline=headline(data, state.verdicts, state.numbers),
        tables=state.tables,
        numbers=state.numbers,
        settings={"seed": state.seed, **settings},
        seconds=seconds,
    )
