"""Networks as stacks of numpy layers that can be made deeper and added together, exactly.

deepen:  f -> R(f), R(-f) -> ... -> R(f) - R(-f) = f        (R the relu; 2c units per layer; exact in floating point)
         f -> P(f), P(-f) -> ... -> (P^k(f) - P^k(-f))/(1 + a^k) = f       (P the parametric relu of slope a)
join:    (f, g) -> f + g, side by side, with the activations of each kept
"""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.linalg

from zeroloss.networks import FeedForward
from zeroloss.networks.activations import negative_slope
from zeroloss.plumbing import InputError, double

Segments = tuple[tuple[str, int], ...]


@dataclasses.dataclass(frozen=True)
class Stack:
    """A fully connected network in numpy float64, `z = W h + b` in every layer.

    Attributes:
        weights, biases: `D + 1` arrays `(fan_out, fan_in)` and `(fan_out,)`.
        activations: for each hidden layer its groups of units, `((name, units), ...)`.
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    activations: tuple[Segments, ...]

    @property
    def depth(self) -> int:
        """How many hidden layers."""
        return len(self.weights) - 1

    @property
    def units(self) -> int:
        """Hidden units in all layers."""
        return sum(len(b) for b in self.biases[:-1])

    @property
    def parameters(self) -> int:
        """Entries of all arrays, zeros included."""
        return sum(a.size for a in (*self.weights, *self.biases))


def from_network(network: FeedForward) -> Stack:
    """The same function, to float64 rounding, with the fixed multipliers `a_l`, `c_l` folded into the weights."""
    weights, biases = [], []
    for w, b, a, c in zip(network.weights, network.biases, network.weight_scales, network.bias_scales, strict=True):
        w = np.asarray(w, np.float64)
        weights.append(a * w)
        biases.append(np.zeros(len(w)) if b is None else c * np.asarray(b, np.float64))
    return Stack(tuple(weights), tuple(biases), network.activations)


def to_network(stack: Stack, dtype: str = "float64") -> FeedForward:
    """The stack as a `FeedForward` of that precision."""
    import jax.numpy as jnp

    with double():
        weights = [jnp.asarray(w, dtype) for w in stack.weights]
        biases = [jnp.asarray(b, dtype) for b in stack.biases]
        return FeedForward(weights, biases, stack.activations)


def inserted(network: FeedForward, changed: list, scales: list, biases: list, offsets: list, name: str) -> FeedForward:
    """`network` with other layers in place of its read-out, hidden ones of activation `name` and a new read-out.

    `changed`, `scales`, `biases`, `offsets`: their weights, the multipliers of these, their biases (or None), and the
    multipliers of these. What stands before is kept bit for bit.
    """
    import jax.numpy as jnp

    with double():
        weights = [*network.weights[:-1], *(jnp.asarray(w, network.dtype) for w in changed)]
        bias = [*network.biases[:-1], *(None if b is None else jnp.asarray(b, network.dtype) for b in biases)]
        activations = (*network.activations, *(((name, len(w)),) for w in changed[:-1]))
        return FeedForward(
            weights,
            bias,
            activations,
            (*network.weight_scales[:-1], *scales),
            (*network.bias_scales[:-1], *offsets),
        )


def deepen(stack: Stack, depth: int, activation: str = "relu") -> Stack:
    """The same function with `depth` hidden layers: its outputs go on as pairs of relu, or of parametric relu units.

    Raises:
        InputError: `depth` is below the depth there is.
    """
    if depth < stack.depth:
        raise InputError(f"depth {depth}: {stack.depth} hidden layers are needed; give depth={stack.depth} or more.")
    more = depth - stack.depth
    if not more:
        return stack
    w, b = stack.weights[-1], stack.biases[-1]
    c = len(b)
    pair = np.hstack([np.eye(c), -np.eye(c)]) / (1 + (negative_slope(activation) or 0.0) ** more)
    return Stack(
        (*stack.weights[:-1], np.vstack([w, -w]), *(np.eye(2 * c),) * (more - 1), pair),
        (*stack.biases[:-1], np.concatenate([b, -b]), *(np.zeros(2 * c),) * (more - 1), np.zeros(c)),
        (*stack.activations, *(((activation, 2 * c),),) * more),
    )


def join(first: Stack, second: Stack, activation: str = "relu") -> Stack:
    """`first + second` as one network, as deep as the deeper of the two (at least one hidden layer).

    `activation`: "relu" or a parametric relu, of the units that pass the outputs of the shallower one on.
    """
    depth = max(first.depth, second.depth, 1)
    first, second = deepen(first, depth, activation), deepen(second, depth, activation)
    weights = [np.vstack([first.weights[0], second.weights[0]])]
    weights += [scipy.linalg.block_diag(a, b) for a, b in zip(first.weights[1:-1], second.weights[1:-1], strict=True)]
    weights.append(np.hstack([first.weights[-1], second.weights[-1]]))
    biases = [np.concatenate([a, b]) for a, b in zip(first.biases[:-1], second.biases[:-1], strict=True)]
    biases.append(first.biases[-1] + second.biases[-1])
    activations = [_merged((*a, *b)) for a, b in zip(first.activations, second.activations, strict=True)]
    return Stack(tuple(weights), tuple(biases), tuple(activations))


def _merged(segments: Segments) -> Segments:
    """Neighbouring groups with one activation as one group."""
    out: list[tuple[str, int]] = []
    for name, units in segments:
        if out and out[-1][0] == name:
            out[-1] = (name, out[-1][1] + units)
        else:
            out.append((name, units))
    return tuple(out)
