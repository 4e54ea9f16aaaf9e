"""The program of one example as one of many, by `jax.vmap`, which keeps the examples apart: ball arithmetic then takes them at once."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from zeroloss.networks.pytorch.program import Program, ProgramNetwork, Step
from zeroloss.networks.traced.steps import NotWritableError
from zeroloss.networks.traced.trace import write
from zeroloss.plumbing import double


def batch_of(
    network: ProgramNetwork, steps: tuple[Step, ...], output: int, count: int
) -> tuple[Program, dict[str, Any]] | None:
    """The program of value `output` at `count` examples, and the arrays that it has beside the network's; None where it has
    steps that no program has."""
    program, floating = network.program, np.dtype(np.float64)
    place = program.inputs.index(("input", ""))

    def value(parameters: Any, constants: Any, row: Any) -> Any:
        given = {("parameter", k): v for k, v in parameters.items()} | {
            ("constant", k): v for k, v in constants.items()
        }
        results = {i: given[key] for i, key in enumerate(program.inputs) if i != place} | {place: row[None]}
        program.advance(steps, results, floating)
        return results[output].reshape(-1)

    def of_all(parameters: Any, constants: Any, rows: Any) -> Any:
        return jax.vmap(lambda row: value(parameters, constants, row))(rows).reshape(-1)

    with double():
        example = jax.ShapeDtypeStruct((count, *program.input_shape), np.int64 if program.whole else floating)
        try:
            return write(of_all, dict(network.parameters), dict(network.constants), example, floating, gradients=False)
        except NotWritableError:
            return None
