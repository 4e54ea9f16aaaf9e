r"""Constants of a feed-forward network at its start, each a proved bound with all rounding.

`lam0 <= lambda_min(DF DF^T)`, `lambda_max <= Lam0`, `|r0| <= residual`, and `beta(R)`, the Lipschitz constant of `DF`
on `B(w0, R)`, where `F(w) = (sqrt(n_g) f(x_g; w))_g` over the distinct inputs and `DF` is with respect to the trained
layers.

The recursion for `beta` (ours) for `z_l = a_l W_l h_{l-1} + c_l b_l`,
`h_l = phi_l(z_l)`, `|phi'| <= c1_l`, `|phi''| <= c2_l`, `t_l`, `u_l` = 1 where `W_l`, `b_l` are trained and else 0,
one example, one output:

    s_l = a_l (|W_l|_2 + t_l R)                                 (the read-out's row instead of |W|_2 in the last layer)
    A_l = sqrt(t_l a_l^2 H_{l-1}^2 + u_l c_l^2 + (s_l c1 A_{l-1})^2),   A_0 = 0:        |z_l'| <= A_l
    H_l = min(|h_l(w0)| + c1 A_l R, bound sqrt(m_l)),   H_0 = |x|
    G_{D+1} = 1,  G_l = c1_l s_{l+1} G_{l+1}:                                           |df/dz_l| <= G_l
    P_l = t_{l+1} a_{l+1} G_{l+1} + s_{l+1} (c2 Q_{l+1} A_{l+1} + c1 P_{l+1}),  P_{D+1} = Q_{D+1} = 0
    Q_l = min(|df/dh_l (w0)|_inf + R P_l, s_{l+1} G_{l+1}):                             |df/dh_l|_inf <= Q_l
    beta_ia = sum_{l=2}^{D+1} t_l a_l G_l c1_{l-1} A_{l-1} + sum_{l=1}^D c2_l Q_l A_l^2,    beta = sqrt(sum n_g
    beta_ga^2)

The refined `Q` is what makes `beta` fall like `width^{-1/2}` in NTK parametrization; products of norms alone give O(1).
`a_l` carries the parametrization (`MLP`), `t`, `u` what is trained. With one hidden layer the bound of
`zeroloss.verified.lipschitz_one_layer`, which takes all examples together, is used where it is smaller.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.networks.activations import Activation, activation
from zeroloss.verified.bound import Lower, Upper
from zeroloss.verified.directed import (
    FEW_UP,
    FLOOR,
    LOST,
    SLOP,
    TINY,
    UP,
    gamma,
    ldexp_down,
    ldexp_up,
    norm_upper,
    norms_upper,
    scaled_to_one,
    sqrt_lower,
    square_lower,
    square_upper,
)
from zeroloss.verified.eigenvalues import largest_eigenvalue, smallest_eigenvalue
from zeroloss.verified.forward import Cotangents, Layer, backward, forward, kink, spectral_norm_upper
from zeroloss.verified.jacobian import Trained, jacobian_rows
from zeroloss.verified.layers import Layers, LayersLike
from zeroloss.verified.lipschitz_one_layer import one_layer_lipschitz
from zeroloss.verified.proved import proved_lower, proved_upper

BLOCK = 1_000_000
"""Numbers of one layer's cotangents held at a time."""
KINKS = "none: activations with kinks"
MOST_EQUATIONS = 3000
"""Equations above which the full kernel is not formed: `lam0` is the read-out block's, `Lam0` the trace's."""


@dataclasses.dataclass(frozen=True)
class Constants:
    """Proved constants at the start; `beta` maps a radius to a bound. `method` records how the eigenvalues were
    bounded; `kernel` is the matrix they are of, in float64, where it was formed."""

    lam0: Lower
    Lam0: Upper
    residual: Upper
    beta: Callable[[float], Upper]
    method: str
    equations: int
    kernel: Any = None


def nothing_known(method: str, equations: int, residual: Upper | None = None) -> Constants:
    """The constants that hold of any network; `method` is the reason why there are no others."""
    unknown = proved_upper(math.inf)
    return Constants(proved_lower(0.0), unknown, residual or unknown, lambda radius: unknown, method, equations)


def constants(
    network: LayersLike, x: np.ndarray, y: np.ndarray, y_error: np.ndarray, sizes: np.ndarray, trained: Trained
) -> Constants:
    """The constants for distinct inputs `x`, mean targets `y` (within `y_error`) and multiplicities `sizes`; `network`
    in float64."""
    network = Layers.of(network)
    layers = forward(network, x)
    last, c = layers[-1], layers[-1].z.shape[1]
    root = np.sqrt(np.asarray(sizes, np.float64))
    gaps = (np.abs(last.z - y) * FEW_UP + last.z_error + y_error) * root[:, None]
    with np.errstate(over="ignore"):  # an infinite residual proves nothing
        residual = proved_upper(norm_upper(gaps) * SLOP)
    equations = len(x) * c
    only_readout = not any(trained.weights[:-1]) and not any(trained.biases[:-1])
    smooth = all(math.isfinite(activation(name).curvature) for segments in network.activations for name, _ in segments)
    if only_readout:
        lam0, Lam0 = _readout_eigenvalues(network, last, root, trained)
        return Constants(
            lam0,
            Lam0,
            residual,
            lambda radius: proved_upper(0.0),
            "kernel of the read-out, one block per output",
            equations,
        )
    if not smooth:
        return nothing_known(KINKS, equations, residual)
    norms = [(norms_upper(layer.h) + norms_upper(layer.h_error)) * SLOP for layer in layers]
    if equations <= MOST_EQUATIONS:
        cotangents = backward(network, layers)
        lam0, Lam0, formed = _kernel_eigenvalues(network, layers, cotangents, root, trained)
        beta = _smaller(
            lipschitz_of_derivative(network, norms, cotangents.peak, root, trained), network, x, root, trained
        )
        return Constants(lam0, Lam0, residual, beta, "full tangent kernel", equations, formed)
    # The kernel is the sum of one positive semi-definite matrix per layer: at least the read-out's, at most its trace.
    lam0, _ = _readout_eigenvalues(network, last, root, trained)
    squared, peaks = 0.0, []
    rows = max(1, BLOCK // (c * max(network.widths)))
    for start in range(0, len(x), rows):
        block = [Layer(*(v[start : start + rows] for v in (e.h, e.h_error, e.z, e.z_error))) for e in layers]
        cotangents = backward(network, block)
        squared += _squared_norm(network, block, cotangents, root[start : start + rows], trained)
        peaks.append(cotangents.peak)
    peak = [np.concatenate(blocks) for blocks in zip(*peaks, strict=True)]
    beta = _smaller(lipschitz_of_derivative(network, norms, peak, root, trained), network, x, root, trained)
    return Constants(
        lam0,
        proved_upper(squared * SLOP),
        residual,
        beta,
        "smallest: the read-out's block; largest: the trace",
        equations,
    )


def eigenvalue_bounds(network: LayersLike, x: np.ndarray, trained: Trained) -> tuple[Lower, Upper]:
    """`lam0 <= lambda_min(K)` and `lambda_max(K) <= Lam0` of the full tangent kernel on the rows of `x` `(n, d)`, proved.

    With the rounding of the Jacobian, of the kernel and of the factorisation; `network` in float64, smooth (KeyError
    otherwise).
    """
    network = Layers.of(network)
    layers = forward(network, x)
    lam0, Lam0, _ = _kernel_eigenvalues(network, layers, backward(network, layers), np.ones(len(x)), trained)
    return lam0, Lam0


def _smaller(
    beta: Callable[[float], Upper], network: Layers, x: np.ndarray, root: np.ndarray, trained: Trained
) -> Callable[[float], Upper]:
    """The smaller of the recursion's bound and, with one hidden layer, that of all examples together."""
    if network.depth != 1:
        return beta
    together = one_layer_lipschitz(network, x, root, trained)
    return lambda radius: min(beta(radius), together(radius))


def _readout_eigenvalues(network: Layers, last: Layer, root: np.ndarray, trained: Trained) -> tuple[Lower, Upper]:
    a, c = network.weight_scales[-1], network.bias_scales[-1]
    columns, errors = [], []
    if trained.weights[-1]:
        columns.append(a * last.h)
        errors.append(abs(a) * last.h_error + 2.0**-51 * np.abs(a * last.h) + TINY)
    if trained.biases[-1]:
        columns.append(np.full((len(last.h), 1), c))
        errors.append(np.zeros((len(last.h), 1)))
    if not columns:
        return proved_lower(0.0), proved_upper(math.inf)
    matrix = np.concatenate(columns, axis=1) * root[:, None]
    error = norm_upper(
        (np.concatenate(errors, axis=1) + 2.0**-51 * np.abs(np.concatenate(columns, axis=1))) * root[:, None]
    )
    scaled, power = scaled_to_one(matrix)
    gram = scaled @ scaled.T
    entries = gamma(matrix.shape[1] + 4) * norm_upper(scaled) ** 2 + LOST * matrix.size
    return _bounds(0.5 * (gram + gram.T), entries * SLOP, error * SLOP, power)


def _bounds(gram: np.ndarray, entries: float, error: float, power: int = 0) -> tuple[Lower, Upper]:
    """`lam0`, `Lam0` of `J J^T` from the float Gram matrix of `2^-power J_float`, its entry error, and `|J_float - J|_F`.

    `lam0` is 0 where it would be below `1e-290`.
    """
    if not (math.isfinite(entries) and math.isfinite(error) and np.isfinite(gram).all()):
        return proved_lower(0.0), proved_upper(math.inf)
    lower = smallest_eigenvalue(gram, entry_error=entries).lower
    upper = largest_eigenvalue(gram, entry_error=entries).upper
    off = ldexp_up(error, -power) * UP + LOST * len(gram)
    small = max(0.0, sqrt_lower(lower) - off)
    large = ldexp_up((math.sqrt(max(upper, 0.0)) + off) * SLOP, power)
    return proved_lower(square_lower(ldexp_down(small, power))), proved_upper(square_upper(large) * SLOP)


def _kernel_eigenvalues(
    network: Layers, layers: list[Layer], cotangents: Cotangents, root: np.ndarray, trained: Trained
) -> tuple[Lower, Upper, np.ndarray]:
    rows = jacobian_rows(network, layers, cotangents, root, trained)
    total, rounding = rows.kernel()
    return *_bounds(total, rounding, rows.error), total


def _squared_norm(
    network: Layers, layers: list[Layer], cotangents: Cotangents, root: np.ndarray, trained: Trained
) -> float:
    """An upper bound on `|J|_F^2` of these examples; over all of them, on the largest eigenvalue."""
    rows = jacobian_rows(network, layers, cotangents, root, trained)
    return square_upper(math.sqrt(rows.trace * SLOP) + rows.error) * SLOP


def speeds(
    network: LayersLike, sizes: list[np.ndarray], trained: Trained
) -> Callable[[float], tuple[list[np.ndarray], list[np.ndarray]]]:
    """`R -> (A_1 .. A_D, H_0 .. H_D)` of the recursion above, `(n,)` each, for `B(w0, R)`; kinks allowed.

    `A_l` bounds how fast `z_l` moves with the trained parameters, `H_l` the length of `h_l`. `sizes` are upper bounds on
    `|h_l(w0)|`. Bounds below `FLOOR` are raised to it.
    """
    network = Layers.of(network)
    depth = network.depth
    norms = [max(spectral_norm_upper(w), FLOOR) for w in network.weights[:-1]]
    names = [[activation(name) for name, _ in segments] for segments in network.activations]
    c1 = [max(a.slope for a in layer) for layer in names]
    bound = [max(a.bound for a in layer) for layer in names]
    t = [float(v) for v in trained.weights]
    u = [float(v and network.biases[i] is not None) for i, v in enumerate(trained.biases)]
    scale, offset = [max(abs(a), FLOOR) for a in network.weight_scales], [abs(c) for c in network.bias_scales]

    @np.errstate(over="ignore", invalid="ignore")
    def at(radius: float) -> tuple[list[np.ndarray], list[np.ndarray]]:
        radius = max(radius, FLOOR)
        speed: list[np.ndarray] = []
        lengths = [np.maximum(sizes[0], FLOOR)]
        for i in range(depth):
            before = scale[i] * (norms[i] + t[i] * radius) * c1[i - 1] * speed[i - 1] if i else 0.0
            own = np.sqrt(t[i] * (scale[i] * lengths[i]) ** 2 + u[i] * offset[i] ** 2 + before**2)
            speed.append(np.maximum(own, FLOOR))
            reach = sizes[i + 1] + c1[i] * speed[i] * radius
            lengths.append(np.maximum(np.minimum(reach, bound[i] * math.sqrt(network.widths[i])), FLOOR))
        return [a * SLOP for a in speed], [h * SLOP for h in lengths]

    return at


def lipschitz_of_derivative(
    network: LayersLike,
    sizes: list[np.ndarray],
    peak: list[np.ndarray],
    root: np.ndarray,
    trained: Trained,
    *,
    linear_pieces: bool = False,
) -> Callable[[float], Upper]:
    """`R -> beta(R)`, the recursion above (non-decreasing in R, proved upper bounds on the spectral norms).

    Args:
        sizes: upper bounds on `|h_{l-1}|`, `(n,)` for each layer; peak: on `|df/dh_l|_inf`, `(n, c)` for each hidden
            layer.
        root: `sqrt(n_g)`, `(n,)`.
        linear_pieces: take `phi'' = 0` where `phi` is linear but for kinks; for balls on which no pre-activation
            crosses one.
    """
    network = Layers.of(network)
    depth = network.depth
    norms = [max(spectral_norm_upper(w), FLOOR) for w in network.weights[:-1]]
    rows = np.maximum(norms_upper(network.weights[-1]), FLOOR)
    names = [[activation(name) for name, _ in segments] for segments in network.activations]
    c1 = [max(a.slope for a in layer) for layer in names]
    c2 = [max(_curvature(a, linear_pieces) for a in layer) for layer in names]
    known = speeds(network, sizes, trained)
    t = [float(v) for v in trained.weights]
    scale = [max(abs(a), FLOOR) for a in network.weight_scales]

    @np.errstate(over="ignore", invalid="ignore")  # what overflows is infinite, as stated below
    def beta(radius: float) -> Upper:
        radius = max(radius, FLOOR)
        s: list[Any] = [scale[i] * (norms[i] + t[i] * radius) for i in range(depth)]
        s.append(scale[depth] * (rows + t[depth] * radius)[None, :])
        speed, _ = known(radius)
        total = np.zeros_like(peak[0]) if depth else np.zeros((len(root), len(rows)))
        g: Any = np.ones((1, len(rows)))  # G_{l+1}
        p: Any = np.zeros((1, 1))
        q_next: Any = np.zeros((1, 1))
        for i in range(depth, 0, -1):  # layer index i (0-based) sits above hidden layer i - 1
            total = total + t[i] * scale[i] * g * (c1[i - 1] * speed[i - 1])[:, None]
            above = c2[i] * q_next * speed[i][:, None] if i < depth else 0.0
            slope_above = c1[i] if i < depth else 0.0
            p = t[i] * scale[i] * g + s[i] * (above + slope_above * p)
            q_next = np.maximum(np.minimum(peak[i - 1] + radius * p, s[i] * g), FLOOR)
            total = total + c2[i - 1] * q_next * (speed[i - 1] ** 2)[:, None]
            g = np.maximum(c1[i - 1] * s[i] * g, FLOOR)
        value = norm_upper(total * root[:, None]) * SLOP
        return proved_upper(value if math.isfinite(value) else math.inf)

    return beta


def _curvature(known: Activation, linear_pieces: bool) -> float:
    return 0.0 if linear_pieces and kink(known.name) is not None else known.curvature
