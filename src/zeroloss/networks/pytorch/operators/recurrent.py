"""Recurrent layers (LSTM, GRU, Elman) as one loop over the steps for each layer and direction.

    LSTM:  i, f, g, o = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh,   c_t = sigma(f) c_{t-1} + sigma(i) tanh(g),
           h_t = W_hr (sigma(o) tanh(c_t))   (W_hr where there is a projection)
    GRU:   r, z = sigma of its parts,  n = tanh(n_ih + r n_hh),   h_t = (1 - z) n + z h_{t-1}
    RNN:   h_t = phi(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh),   phi tanh or relu

The products with the inputs are one product over all steps, outside of the loop. A loop is compiled once, whatever the
number of steps; `zeroloss.tangent` reads its weights as used once per step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from zeroloss.networks.pytorch.cells import cells
from zeroloss.networks.pytorch.operators.table import OPERATORS
from zeroloss.plumbing import InputError

Step = Callable[..., tuple[Any, Any]]


def _linear(x, weight, bias):
    z = x @ weight.T
    return z if bias is None else z + bias


def _lstm_step(gates, state, weights):
    h, c = state
    _, w_hh, _, b_hh, w_hr = weights
    i, f, g, o = jnp.split(gates + _linear(h, w_hh, b_hh), 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h if w_hr is None else h @ w_hr.T), c


def _gru_step(gates, state, weights):
    (h,) = state
    _, w_hh, _, b_hh, _ = weights
    (r, z, n), (rh, zh, nh) = (jnp.split(part, 3, axis=-1) for part in (gates, _linear(h, w_hh, b_hh)))
    z = jax.nn.sigmoid(z + zh)
    n = jnp.tanh(n + jax.nn.sigmoid(r + rh) * nh)
    return (n + z * (h - n),)


def _elman_step(phi):
    def step(gates, state, weights):
        _, w_hh, _, b_hh, _ = weights
        return (phi(gates + _linear(state[0], w_hh, b_hh)),)

    return step


def refuse_dropout(dropout: float, train: bool, num_layers: int) -> None:
    """InputError where the layers between are random."""
    if train and dropout > 0 and num_layers > 1:
        raise InputError("a recurrent layer draws random numbers (dropout in training mode); call module.eval() first.")


def _recurrence(step: Step, x, states, all_weights, directions: int, batch_first: bool, going=None):
    """The last layer's outputs, and every state at the end `(layers * directions, n, size)`.

    Args:
        states: of the beginning, `(layers * directions, n, size)` each.
        going: None, or for each step whether it counts: where it does not, the states stay and the output is 0.
    """
    x = jnp.swapaxes(x, 0, 1) if batch_first else x
    ends: list[list[Any]] = [[] for _ in states]
    for layer in range(0, len(all_weights), directions):
        outputs = []
        for direction in range(directions):
            number = layer + direction
            first = [s[number] for s in states]
            out, last = _one_way(step, x, first, all_weights[number], direction == 1, going)
            outputs.append(out)
            for place, state in zip(ends, last, strict=True):
                place.append(state)
        x = outputs[0] if directions == 1 else jnp.concatenate(outputs, axis=-1)
    return jnp.swapaxes(x, 0, 1) if batch_first else x, [jnp.stack(s) for s in ends]


def _one_way(step: Step, x, first, weights, reverse: bool, going):
    w_ih, _, b_ih, _, _ = weights
    gates = _linear(x, w_ih, b_ih)
    n = x.shape[1]
    first = tuple(jnp.broadcast_to(s, (n, s.shape[-1])).astype(x.dtype) for s in first)

    def turn(state, given):
        if going is None:
            new = step(given, state, weights)
            return new, new[0]
        gates, goes = given
        new = step(gates, state, weights)
        return tuple(jnp.where(goes, a, b) for a, b in zip(new, state, strict=True)), jnp.where(goes, new[0], 0)

    last, out = jax.lax.scan(turn, first, gates if going is None else (gates, going > 0), reverse=reverse)
    return out, last


def _enter(name: str, step: Step):
    """The layer `name`, with one state or two, and the same of a packed sequence."""

    def layer(x, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first, going=None):
        refuse_dropout(dropout, train, num_layers)
        states = hx if isinstance(hx, list) else [hx]
        projected = len(states) == 2 and states[0].shape[-1] != states[1].shape[-1]
        weights = cells(params, has_biases, projected)
        out, ends = _recurrence(step, x, states, weights, 1 + bidirectional, batch_first, going)
        return out, *ends

    def packed(x, going, hx, params, has_biases, num_layers, dropout, train, bidirectional):
        out, *ends = layer(x[:, None], hx, params, has_biases, num_layers, dropout, train, bidirectional, False, going)
        return out[:, 0], *ends

    OPERATORS[f"aten.{name}.input"] = OPERATORS[f"zeroloss.{name}.default"] = layer
    OPERATORS[f"zeroloss.{name}_packed.default"] = packed


_enter("lstm", _lstm_step)
_enter("gru", _gru_step)
_enter("rnn_tanh", _elman_step(jnp.tanh))
_enter("rnn_relu", _elman_step(jax.nn.relu))


def _pack(x, lengths, batch_first):
    """The steps of the one example, and a one for each that counts."""
    steps = x[0] if batch_first else x[:, 0]
    return steps, (jnp.arange(len(steps)) < lengths.reshape(())).astype(lengths.dtype)


def _unpack(x, going, batch_first, value, length):
    goes = going.reshape(-1, *(1,) * (x.ndim - 1)) > 0
    x = jnp.where(goes, x, value)
    x = jnp.pad(x, [(0, length - len(x))] + [(0, 0)] * (x.ndim - 1), constant_values=value)
    return x[None] if batch_first else x[:, None], jnp.sum(going)[None]


OPERATORS["zeroloss.pack.default"] = _pack
OPERATORS["zeroloss.unpack.default"] = _unpack
