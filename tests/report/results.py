"""Results of one small model, for tests of the page that is made from them."""

from __future__ import annotations

import functools
from types import SimpleNamespace

import numpy as np

import zeroloss as zl
from zeroloss.minima import construct_twin

RNG = np.random.default_rng(3)
X, LABELS = RNG.standard_normal((40, 4)), np.arange(40) % 3
DATA = zl.from_arrays(X[:24], LABELS[:24], x_test=X[24:], y_test=LABELS[24:], name="clouds")
OTHER = zl.from_arrays(X[:24] + 1, LABELS[:24], x_test=X[24:], y_test=LABELS[24:], name="others")
START = zl.MLP(4, 3, width=64, depth=1, activation="tanh", key=0)


@functools.cache
def results() -> SimpleNamespace:
    """Certificate, descent, proof (polished), audit (of the model as given) and twin of one network."""
    certificate = zl.certify(START, DATA)
    descent = zl.descend(START, DATA, step_size=certificate.step_size, steps=60)
    return SimpleNamespace(
        certificate=certificate,
        descent=descent,
        proof=zl.prove(descent.network, DATA),
        audit=zl.audit(descent.network, DATA, initial=START, measures="margins"),
        twin=construct_twin(DATA, of=descent.network),
    )
