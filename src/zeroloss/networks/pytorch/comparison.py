"""Is the converted network the module? Its answers and gradients are compared with torch's own first.

At the examples given, at noise, at the opposite of an example and at zeros, at the weights given and at others near them:
`f(x)`, and a random vector-Jacobian product `<v, df/dw>` over all trainable parameters. What a difference is judged by is
how much the answers vary and how much the rounding of the parameters changes them, never their size alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks.pytorch.causes import causes
from zeroloss.networks.pytorch.kinks import KinkWarning
from zeroloss.networks.pytorch.network import TorchNetwork
from zeroloss.networks.pytorch.program import Dtype, Program, as_batch_of_one
from zeroloss.networks.pytorch.reference import Answer, Reference
from zeroloss.plumbing import InputError, double

ROUNDINGS = 64.0
"""Difference allowed in answers and gradients, in units of their change when each parameter is rounded once."""
FLOOR = {True: 1e-9, False: 1e-6}
"""The difference allowed in float64 and in the module's own precision, relative to how much the answers vary."""
_QUICK = {"xla_backend_optimization_level": 0}


@dataclasses.dataclass(frozen=True)
class _Found:
    """torch's answer and the network's at one example; `v` is the vector of the vector-Jacobian product."""

    example: Any
    v: np.ndarray
    own: Answer
    value: np.ndarray
    gradients: dict[str, np.ndarray]


def compare(
    torch: Any,
    module: Any,
    network: TorchNetwork,
    batch: Any,
    convert: Callable[[Any, Any], TorchNetwork] | None = None,
) -> None:
    """Compare answers and gradients; see the module's text.

    Args:
        module: the torch module; network: what was made of it.
        batch: examples as the module takes them.
        convert: from a module and an example `(1, ...)` to a network, without a comparison: where the float64 copy differs, its own
            conversion is compared too, as an export writes down what depends on the precision (a smallest number, say).

    Raises:
        InputError: what differs, and why as far as it can be seen.
    """
    try:
        with torch.no_grad():  # old reparametrizations keep what they computed last; without a graph it can be copied
            for row in batch[:3]:
                module(row[None])
    except Exception as error:
        first = str(error).strip().split("\n")[0][:200]
        hint = " (a token beyond the table of an embedding?)" if isinstance(error, IndexError) else ""
        raise InputError(f"the module itself fails on the example{hint}: {type(error).__name__}: {first}") from error
    why = None
    for twice in (True, False):
        try:
            reference = Reference(torch, module, twice)
            if twice and not reference.stands_for(module, batch[:2]):
                continue
        except Exception:
            if twice:
                continue
            raise
        with reference:
            why = _difference(reference, module, network, batch)
            if why is not None and twice and convert is not None and not _casts(network.program):
                own = convert(reference.module, reference.cast(batch[:1]))
                if _difference(reference, module, own, batch) is not None:
                    break
        if why is None:
            return
    raise InputError(str(why))


def _difference(reference: Reference, module: Any, network: TorchNetwork, batch: Any) -> str | None:
    """What differs, in a sentence; None where nothing does."""
    examples = _examples(reference.torch, batch, network.takes_tokens)
    found = [f for f in (_both(reference, network, example, given) for example, given in examples) if f is not None]
    first = found[0]
    again = reference.answer(first.example, first.v).value
    same = 64 * reference.eps * float(np.abs(again).max(initial=0.0))  # several threads may add in another order
    if not (np.abs(again - first.own.value) <= same).all():
        return (
            "the module answers the same example otherwise each time it is called (it draws random numbers, or counts its calls); "
            "zeroloss needs a function of the example: call module.eval(), and leave the rest out."
        )
    allowed = _allowed(reference, found)
    gap = np.max([np.abs(f.value - f.own.value) / allowed for f in found])
    if not gap <= 1:
        size = max(float(np.abs(f.value - f.own.value).max()) for f in found)
        return _otherwise(network, size, "on some example")
    together = reference.together(reference.torch.cat([f.example for f in found]))
    if together is not None and not (np.abs(together - [f.own.value for f in found]) <= allowed).all():
        return (
            "the module answers a batch otherwise than its examples one by one (batch statistics?); "
            "zeroloss needs a function of one example: call module.eval()."
        )
    if not reference.is_linear_in_v(first.example, first.v):
        return _not_its_own([], reference, module, first.example)
    kinked = []
    for f in found:
        wrong = _wrong_gradients(reference, [f])
        if wrong and not _only_there(reference, network, f):
            return _not_its_own(wrong, reference, module, f.example)
        kinked += wrong[:1]
    if kinked:
        warnings.warn(
            f"at {len(kinked)} of the {len(found)} examples compared, which lie exactly on a kink (or a tie, which torch breaks by no "
            f"rule), the derivative is not torch's own, for {kinked[0]} and perhaps others; near them it is.",
            KinkWarning,
            stacklevel=4,
        )
    return _elsewhere(reference, module, network, found)


def _only_there(reference: Reference, network: TorchNetwork, found: _Found) -> bool:
    """Whether gradients that differ at an example agree right beside it: then the example lies on a kink."""
    example = found.example
    if not example.dtype.is_floating_point or network.takes_tokens:
        return False
    noise = reference.torch.randn(
        example.shape, generator=reference.torch.Generator().manual_seed(2), dtype=reference.torch.float64
    )
    for step in (1e-4, -1e-4):
        near = _both(reference, network, example + step * (1 + example.abs()) * noise.to(example), False, found.v)
        if near is None or _wrong_gradients(reference, [near]):
            return False
    return True


def _elsewhere(reference: Reference, module: Any, network: TorchNetwork, found: list[_Found]) -> str | None:
    """The comparison at other weights near these, for the first examples."""
    if not reference.copied:
        return None
    reference.move()
    moved = [f for f in (_both(reference, network, f.example, False, f.v) for f in found[:3]) if f is not None]
    if not moved:
        return None
    allowed = _allowed(reference, moved)
    if not all((np.abs(f.value - f.own.value) <= allowed).all() for f in moved):
        size = max(float(np.abs(f.value - f.own.value).max()) for f in moved)
        return _otherwise(network, size, "at other weights near these")
    wrong = _wrong_gradients(reference, moved)
    return _not_its_own(wrong, reference, module, moved[0].example) if wrong else None


def _both(
    reference: Reference, network: TorchNetwork, example: Any, given: bool, v: np.ndarray | None = None
) -> _Found | None:
    """Both answers at one example; None for a made-up example at which the module's answer is not finite."""
    try:
        v = np.random.default_rng(0).standard_normal(reference.size(example)) if v is None else v
        own = reference.answer(example, v)
    except Exception:
        if given:
            raise
        return None
    if not np.isfinite(own.value).all() and given:
        raise InputError("the module answers with NaN or infinity on the example; nothing can be compared.")
    if not np.isfinite(own.value).all() or not all(np.isfinite(g).all() for g in own.gradients):
        return None
    value, gradients = answer_and_gradients(network, reference.weights(), example, v, reference.double)
    if value.shape != own.value.shape:
        raise InputError(
            f"the converted network answers {value.size} numbers and the module {own.value.size}; please report it."
        )
    return _Found(example, v, own, value, gradients)


def _allowed(reference: Reference, found: list[_Found]) -> np.ndarray:
    """The difference allowed in each entry of an answer, `(c,)`."""
    values = np.stack([f.own.value for f in found])
    varied = values.max(axis=0) - values.min(axis=0)
    change = np.max([f.own.value_change for f in found], axis=0)
    least = np.finfo(np.float64).tiny  # all zeros: they must be equal
    return FLOOR[reference.double] * varied + ROUNDINGS * (change + reference.eps * np.abs(values).max(axis=0)) + least


def _wrong_gradients(reference: Reference, found: list[_Found]) -> list[str]:
    """The names of the parameters whose gradients differ."""
    wrong: list[str] = []
    for f in found:
        largest = max(float(np.abs(g).max(initial=0.0)) for g in f.own.gradients)
        for group, own, change in zip(reference.groups, f.own.gradients, f.own.gradient_changes, strict=True):
            ours = sum((f.gradients[name] for name in group if name in f.gradients), start=np.zeros(()))
            gap = float(np.abs(ours - own).max(initial=0.0))
            size = float(np.abs(own).max(initial=0.0))
            allowed = FLOOR[reference.double] * size + ROUNDINGS * (change + reference.eps * largest)
            if not gap <= allowed and group[0] not in wrong:
                wrong.append(group[0])
    return wrong


def answer_and_gradients(
    network: TorchNetwork, weights: dict[str, np.ndarray], example: Any, v: np.ndarray, twice: bool
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The network's `f(x)` and the gradients of `<v, f(x)>` by its parameters, at the weights given (by their names).

    Args:
        twice: in float64, else in the network's own precision.
    """
    with _scope(twice or network.dtype == jnp.dtype("float64")):
        kind = jnp.dtype("float64") if twice else network.dtype

        def cast(values: dict[str, Any]) -> dict[str, Any]:
            given = {name: weights.get(name, value) for name, value in values.items()}
            floating = {name: jnp.issubdtype(value.dtype, jnp.floating) for name, value in values.items()}
            return {name: jnp.asarray(a, kind if floating[name] else None) for name, a in given.items()}

        program = network.program
        x = as_batch_of_one(example.cpu().numpy(), program.input_shape, program.whole, kind)
        try:
            gradients, value = _derivative(program, kind.name)(
                cast(network.parameters), cast(network.constants), x, jnp.asarray(v, kind)
            )
        except (TypeError, ValueError, IndexError, NotImplementedError) as error:
            first = str(error).strip().split("\n")[0][:300]
            raise InputError(
                f"the translated operators do not fit one another or have no derivative: {first}"
            ) from error
        return np.asarray(value, np.float64), {name: np.asarray(g, np.float64) for name, g in gradients.items()}


@functools.lru_cache(maxsize=64)
def _derivative(program: Program, floating: str) -> Callable[..., Any]:
    def paired(parameters: Any, constants: Any, x: Any, v: Any) -> Any:
        values = {("parameter", name): value for name, value in parameters.items()}
        values |= {("constant", name): value for name, value in constants.items()}
        values["input", ""] = x
        out = jnp.ravel(program.run(values, np.dtype(floating)))
        return jnp.vdot(out, v), out

    return jax.jit(jax.grad(paired, has_aux=True), compiler_options=_QUICK)


@contextlib.contextmanager
def _scope(twice: bool) -> Iterator[None]:
    """float64 where wanted, on the CPU: other devices may round products to fewer bits."""
    with double() if twice else contextlib.nullcontext(), contextlib.ExitStack() as stack:
        with contextlib.suppress(RuntimeError):  # no CPU among the platforms
            stack.enter_context(jax.default_device(jax.devices("cpu")[0]))
        yield


def _examples(torch: Any, batch: Any, tokens: bool) -> list[tuple[Any, bool]]:
    """Examples `(1, ...)`, and whether each was given: two of those, and some of other values (not of
    tokens among numbers), so that a branch shows."""
    one = batch[:1]
    other = next((row[None] for row in batch[1:] if bool((row != batch[0]).any())), None)
    given = [one] if other is None else [one, other]
    if tokens and one.dtype.is_floating_point:
        return [(row, True) for row in given]
    if not one.dtype.is_floating_point:
        return [(row, True) for row in given] + [(one.flip(-1), False)]
    noise = torch.randn(one.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    more = [one + noise.to(one) * (1 + one.abs().mean()), -one, torch.zeros_like(one)]
    return [(row, True) for row in given] + [(row, False) for row in more]


def _otherwise(network: TorchNetwork, size: float, where: str) -> str:
    lower = sorted({name for name in _casts(network.program) if name in ("float16", "half", "bfloat16")})
    if lower:
        return (
            f"the module computes partly in {' and '.join(lower)} (autocast, or a cast in its forward), and the converted network "
            f"does not: its answers differ by up to {size:.2g} {where}; leave that out, or switch it off for this question."
        )
    return (
        f"the converted network answers otherwise than the module {where} (by up to {size:.2g}): its forward takes another way "
        "there, or an operator is translated wrongly; please report it."
    )


def _casts(program: Program) -> set[str]:
    def names(value: Any) -> set[str]:
        if isinstance(value, tuple):
            return set().union(*map(names, value))
        return {value.name} if isinstance(value, Dtype) else set()

    return set().union(*(names((s.args, tuple(v for _, v in s.kwargs))) for s in program.steps), set())


def _not_its_own(wrong: list[str], reference: Reference, module: Any, example: Any) -> str:
    shown = ", ".join(wrong[:6]) + (f" and {len(wrong) - 6} more" if len(wrong) > 6 else "")
    where = f" for {shown}" if wrong else ""
    why = causes(reference.torch, module, reference.module, reference.cast(example))
    return (
        f"the gradients of the module are not those of what it computes{where}: {why}. An export knows only what is computed; write "
        "it in torch's operators, with .detach() where the gradient is to stop (a straight-through estimator is "
        "h + (f(h) - h).detach()), or use what needs no gradients: zeroloss.audit(zeroloss.black_box(function), data)."
    )
