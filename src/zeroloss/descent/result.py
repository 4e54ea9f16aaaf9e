"""`Descent`: the result of a descent."""

from __future__ import annotations

import dataclasses
from typing import Any

from zeroloss.plumbing.format import format_seconds
from zeroloss.verdict import Record
from zeroloss.verdict.identity import Identity
from zeroloss.verdict.record import LIVE


@dataclasses.dataclass(frozen=True)
class Descent(Record):
    """A finished (or stopped) descent.

    Attributes:
        network: the trained network; with several seeds, one pytree whose leaves have a leading axis of seeds.
        initial: the network descent began with (same layout).
        loss: the training loss reached; with several seeds an array.
        infimum: a lower bound on the training loss of any network (equal inputs with different targets count).
        converged: whether `loss - infimum <= tolerance` (every seed).
        reason: why it stopped, in a sentence.
        history: columns `step`, `loss` (one list per step with several seeds), `seconds`, on a logarithmic grid of steps.
        kernel, factor, kernel_network: Gauss-Newton's last full kernel `(N, N)` on the distinct training inputs, its
            Cholesky factor (LAPACK, lower triangle), and the network they belong to; None for other methods.
        identity: the data, and the network as "start" and trained ("model"); several seeds: the data alone.
    """

    method: str
    loss_name: str
    loss: Any
    infimum: float
    converged: bool
    reason: str
    steps: int
    step_size: Any
    seconds: float
    history: dict[str, list]
    seeds: list[int] | None = None
    trainable: str = "all parameters"
    interrupted: bool = False
    identity: Identity | None = None
    network: Any = dataclasses.field(default=None, metadata=LIVE)
    initial: Any = dataclasses.field(default=None, metadata=LIVE)
    kernel: Any = dataclasses.field(default=None, metadata=LIVE, repr=False)
    factor: Any = dataclasses.field(default=None, metadata=LIVE, repr=False)
    kernel_network: Any = dataclasses.field(default=None, metadata=LIVE, repr=False)

    @property
    def networks(self) -> list[Any]:
        """One network per seed (a list of one without seeds)."""
        if self.seeds is None:
            return [self.network]
        import equinox as eqx
        import jax

        def pick(index):
            return jax.tree.map(lambda leaf: leaf[index] if eqx.is_array(leaf) else leaf, self.network)

        return [pick(index) for index in range(len(self.seeds))]

    def __repr__(self) -> str:
        import numpy as np

        reached = (
            f"{float(np.max(self.loss)):.3g}"
            if self.seeds is None
            else f"{np.min(self.loss):.3g} to {np.max(self.loss):.3g}"
        )
        many = "" if self.seeds is None else f", {len(self.seeds)} seeds"
        head = f"Descent by {self.method}{many}: {self.loss_name} loss {reached}"
        return f"<{head} after {self.steps} steps, {format_seconds(self.seconds)}. {self.reason}>"
