"""`trace`: any differentiable network of JAX as a `TracedNetwork`, and the way back for weights that were moved."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks.frameworks import Carried
from zeroloss.networks.precision import precision
from zeroloss.networks.predict import layout_of_network
from zeroloss.networks.pytorch.program import Program, Ref, live_steps, renamed
from zeroloss.networks.shaped import Shaped
from zeroloss.networks.traced.network import TracedNetwork
from zeroloss.networks.traced.steps import NotWritableError, Writer
from zeroloss.networks.trainable import is_constant
from zeroloss.networks.wrapped import Wrapped
from zeroloss.plumbing.precision import as_double, double


@dataclasses.dataclass(frozen=True, eq=False)
class Trace:
    """A network and its program.

    Attributes:
        source: the network given.
        network: the same function as a program.
        names: of each leaf of `source`, in the order of `jax.tree.leaves`, its parameter's name ("": no parameter).
        shared: pairs of names of leaves that are one and the same array; it is one parameter, under the first name.
    """

    source: Any
    network: TracedNetwork
    names: tuple[str, ...]
    shared: tuple[tuple[str, str], ...]

    def mask(self, mask: Any) -> Any:
        """A mask of `source` (of `zeroloss.networks.trainable_mask`) as one of `network`; a shared array moves where all its
        leaves do."""
        moved = dict.fromkeys(self.network.parameters, True)
        for name, yes in zip(self.names, jax.tree.leaves(mask), strict=True):
            if name:
                moved[name] = moved[name] and bool(yes)
        return eqx.tree_at(lambda n: n.parameters, jax.tree.map(lambda _: False, self.network), moved)

    def back(self, network: TracedNetwork) -> Any:
        """`source` with the parameters of `network`."""
        leaves, tree = jax.tree.flatten(self.source)
        given = [network.parameters[n] if n else leaf for n, leaf in zip(self.names, leaves, strict=True)]
        return jax.tree.unflatten(tree, given)


def trace(
    network: Any, shape: Sequence[int], whole: bool = False, *, gradients: bool = True, wide: bool = False
) -> Trace:
    """`network` on examples of `shape` as a program, in its own precision.

    Args:
        network: called on one example; its floating leaves are the parameters (fields declared `constant`, whole numbers and what
            the function closes over are constants).
        whole: whether examples are of whole numbers (tokens).
        gradients: keep derivative rules too, or refuse them; without, only what it computes is kept.
        wide: the float64 network of the same numbers instead (`source` then is that).

    Raises:
        NotWritableError: a part of the function that has no step, parameters of several precisions, no parameter.
    """
    leaves, tree = jax.tree.flatten(network)
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(network)]
    own = [eqx.is_inexact_array(a) and not is_constant(network, p) for a, p in zip(leaves, paths, strict=True)]
    rest = [not o and _is_constant_array(a) for o, a in zip(own, leaves, strict=True)]
    kinds = {np.dtype(a.dtype) for a, o in zip(leaves, own, strict=True) if o}
    if len(kinds) != 1 or kinds.pop() not in (np.float32, np.float64):
        raise NotWritableError("it has parameters of several precisions, or none")
    names, shared = _names(network, paths, leaves, own)
    if wide:  # arrays are one by what they are in the network given, not in its copy
        with double():
            network = as_double(network)
        leaves = jax.tree.leaves(network)
    floating = next(np.dtype(a.dtype) for a, o in zip(leaves, own, strict=True) if o)
    parameters = {n: leaves[i] for i, n in reversed(list(enumerate(names))) if n}
    parameters = {n: parameters[n] for n in dict.fromkeys(n for n in names if n)}
    constants = {f"constant.{i}": leaves[i] for i, r in enumerate(rest) if r}

    def function(given: dict[str, Any], fixed: dict[str, Any], x: Any) -> Any:
        filled = [
            given[n] if n else fixed.get(f"constant.{i}", leaf)
            for i, (n, leaf) in enumerate(zip(names, leaves, strict=True))
        ]
        return jax.tree.unflatten(tree, filled)(x)

    with precision(network):
        kind = np.dtype(np.int64 if floating == np.float64 else np.int32) if whole else floating
        example = jax.ShapeDtypeStruct(tuple(shape), kind)
        program, more = write(function, parameters, constants, example, floating, gradients=gradients)
        used = {name for key, name in program.inputs if key == "constant"}
        held = {k: jnp.asarray(_widened(a, floating)) for k, a in (constants | more).items() if k in used}
        made = TracedNetwork(
            {n: jnp.asarray(a) for n, a in parameters.items()}, program, held, layout_of_network(network)
        )
    return Trace(network, made, names, shared)


def _is_constant_array(leaf: Any) -> bool:
    """Arrays of numbers; others (of texts, say) are part of the code."""
    return eqx.is_array(leaf) or (isinstance(leaf, np.ndarray) and leaf.dtype.kind in "biuf")


def write(
    function: Any,
    parameters: dict[str, Any],
    constants: dict[str, Any],
    example: Any,
    floating: Any,
    *,
    gradients: bool,
) -> tuple[Program, dict[str, Any]]:
    """`function(parameters, constants, x)` of one example `x` as a program, and the arrays that it closes over.

    Raises:
        NotWritableError: as `trace`.
    """
    arrays = [{k: jax.ShapeDtypeStruct(a.shape, a.dtype) for k, a in part.items()} for part in (parameters, constants)]
    closed, out = jax.make_jaxpr(lambda p, c, x: function(p, c, x[0]), return_shape=True)(
        arrays[0], arrays[1], jax.ShapeDtypeStruct((1, *example.shape), example.dtype)
    )
    if len(jax.tree.leaves(out)) != 1 or len(closed.out_avals[0].shape) != 1:
        raise NotWritableError("its answer is not one array (c,)")
    if np.dtype(closed.out_avals[0].dtype) != floating:
        raise NotWritableError(
            f"its answer is {closed.out_avals[0].dtype}, and its parameters {np.dtype(floating).name}"
        )
    return _program(closed, parameters, constants, example, floating, gradients)


def _program(closed: Any, parameters: Any, constants: Any, example: Any, floating: Any, gradients: bool) -> Any:
    # The arguments come in the order of their sorted names.
    inputs = (
        [("parameter", n) for n in sorted(parameters)] + [("constant", n) for n in sorted(constants)] + [("input", "")]
    )
    whole = np.dtype(example.dtype).kind == "i"
    w = Writer(len(inputs), floating, gradients)
    x = len(inputs) - 1
    if whole:  # whatever type of whole numbers comes, the steps go on with this one
        x = w.step("convert_element_type", [x], dtype=w.dtype(example.dtype))
    consts = [w.array(c) for c in closed.consts]
    (output,) = w.walk(closed.jaxpr, consts, [*range(len(inputs) - 1), x])
    first, count = len(inputs), len(w.arrays)
    numbers = {n: n + count for n in range(first, first + len(w.steps))}
    numbers |= {-1 - i: first + i for i in range(count)}
    steps = [dataclasses.replace(renamed(s, numbers), out=numbers[s.out]) for s in w.steps]
    output = numbers.get(output, output)
    more = {f"closure.{i}": a for i, a in enumerate(w.arrays)}
    for name, array in more.items():
        _check_array(array, name)
    all_inputs = [*inputs, *(("constant", name) for name in more)]
    live = live_steps(steps, output)
    if any(v != v for step in live for _, v in step.kwargs if isinstance(v, float)):
        raise NotWritableError("the constant NaN inside it")
    return _without_idle(Program(tuple(all_inputs), live, output, tuple(example.shape), whole)), more


def _without_idle(program: Program) -> Program:
    """Without constants that no step takes."""
    used = {a.index for step in program.steps for a in step.args if isinstance(a, Ref)} | {program.output}
    kept = [i for i, (kind, _) in enumerate(program.inputs) if kind != "constant" or i in used]
    numbers = {old: new for new, old in enumerate(kept)}
    numbers |= {step.out: len(kept) + i for i, step in enumerate(program.steps)}
    steps = tuple(dataclasses.replace(renamed(s, numbers), out=numbers[s.out]) for s in program.steps)
    inputs = tuple(program.inputs[i] for i in kept)
    return dataclasses.replace(program, inputs=inputs, steps=steps, output=numbers[program.output])


def _widened(array: Any, floating: Any) -> Any:
    """A constant in the network's precision: narrower ones are only ever cast to it (`Writer`), and keep their value."""
    found = np.asarray(array)
    if jnp.issubdtype(found.dtype, jnp.floating) and found.dtype != floating:
        return found.astype(floating)
    return found


def _check_array(array: Any, name: str) -> None:
    dtype = getattr(array, "dtype", None)
    if not isinstance(dtype, np.dtype) or not (dtype.kind in "iub" or jnp.issubdtype(dtype, jnp.floating)):
        raise NotWritableError(f"it closes over an array of {dtype} ({name})")


def _names(network: Any, paths: list[Any], leaves: list[Any], own: list[bool]) -> tuple[tuple[str, ...], Any]:
    """Of each leaf the name of its parameter, and the leaves that are one array."""
    plain = [_name(network, path) for path in paths]
    if len({n for n, o in zip(plain, own, strict=True) if o}) < sum(own):
        plain = [jax.tree_util.keystr(path) for path in paths]
    first: dict[int, str] = {}
    names, shared = [], []
    for name, leaf, is_own in zip(plain, leaves, own, strict=True):
        at = first.setdefault(id(leaf), name) if is_own else ""
        names.append(at)
        if is_own and at != name:
            shared.append((at, name))
    return tuple(names), tuple(shared)


def _name(network: Any, path: Any) -> str:
    """`layers.0.weight`; without the fields of what is put round a network here."""
    node, path = network, list(path)
    while isinstance(node, Shaped | Wrapped | Carried) and path:
        node = getattr(node, path.pop(0).name)
    return jax.tree_util.keystr(tuple(path), simple=True, separator=".") or "params"
