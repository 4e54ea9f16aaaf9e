"""A converted torch module as a network: parameters by their torch names, buffers as constants, the program as code."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from zeroloss.networks.pytorch.program import Program, as_batch_of_one
from zeroloss.networks.trainable import constant
from zeroloss.plumbing import InputError, double
from zeroloss.plumbing.layout import Layout, is_whole


class TorchNetwork(eqx.Module):
    """A converted torch module, called on one example: `(d,)` or `program.input_shape`, to `(c,)`; `jax.vmap` for a batch.

    Attributes:
        parameters: by their names in the torch module; what descent may move.
        program: what is computed.
        constants: buffers (batch normalisation's statistics), frozen parameters, and constants of the code.
        layout: how a row splits into the module's inputs, where it takes several; see `zeroloss.plumbing.layout`.
    """

    parameters: dict[str, jax.Array]
    program: Program = eqx.field(static=True)
    constants: dict[str, jax.Array] = constant()
    layout: Layout | None = eqx.field(static=True, default=None)

    @property
    def in_size(self) -> int:
        """Numbers of one example."""
        return math.prod(self.program.input_shape)

    @property
    def out_size(self) -> int:
        """Numbers of one answer."""
        with double() if self.dtype == jnp.dtype("float64") else contextlib.nullcontext():
            shape = eqx.filter_eval_shape(self, jax.ShapeDtypeStruct((self.in_size,), self.dtype)).shape
        return int(shape[0])

    @property
    def dtype(self) -> Any:
        """The precision of the parameters."""
        return next(iter(self.parameters.values())).dtype

    @property
    def stops(self) -> bool:
        """Whether the gradient of a parameter stops on one of its ways to the answer: it is then none of the loss."""
        return any(step.operator == "aten.detach.default" for step in self.program.steps)

    @property
    def takes_tokens(self) -> bool:
        """Whether the example is of whole numbers that stand for something, so that no point lies between two."""
        return self.program.whole or any(is_whole(dtype) for _, _, dtype in self.layout or ())

    @property
    def parameter_names(self) -> tuple[str, ...]:
        return tuple(self.parameters)

    def __call__(self, x):
        dtype = self.dtype
        if dtype == jnp.dtype("float64") and not jax.config.jax_enable_x64:
            raise InputError(
                "this network is float64: call `zeroloss.predict(network, x)`, or work inside `with zeroloss.double():`."
            )
        values = {("parameter", name): value for name, value in self.parameters.items()}
        values |= {("constant", name): value for name, value in self.constants.items()}
        values["input", ""] = as_batch_of_one(x, self.program.input_shape, self.program.whole, dtype)
        return jnp.reshape(self.program.run(values, dtype), (-1,))

    def __repr__(self) -> str:
        count = sum(p.size for p in self.parameters.values())
        shape = "x".join(map(str, self.program.input_shape))
        return f"<TorchNetwork of {shape}: {count:,} parameters in {len(self.parameters)} arrays, {len(self.program.steps)} steps>"
