"""A traced JAX network: parameters by the names of their leaves, other arrays as constants, the jaxpr as a program."""

from __future__ import annotations

from zeroloss.networks.pytorch.network import TorchNetwork
from zeroloss.networks.pytorch.program import Program


class TracedNetwork(TorchNetwork):
    """A network of JAX as a program, called on one example like any other; what `load_network` gives of a saved one.

    Its steps are primitives of JAX (`lax.dot_general`) on parameters that have the names of the network's leaves
    (`layers.0.weight`). Beside that it is what a converted torch module is: `trainable` takes these names.
    """

    @property
    def stops(self) -> bool:
        """Whether the gradient of a parameter stops on one of its ways to the answer."""
        return any(step.operator == "lax.stop_gradient" for step in self.program.steps)

    def __repr__(self) -> str:
        return super().__repr__().replace("TorchNetwork", "TracedNetwork", 1)


def is_traced(program: Program) -> bool:
    """Whether all steps are primitives of JAX; of a torch program none is.

    Raises:
        ValueError: steps of both kinds, of which nothing is a program.
    """
    own = {step.operator.startswith("lax.") for step in program.steps}
    if len(own) > 1:
        raise ValueError("steps of both kinds")
    return own == {True}
