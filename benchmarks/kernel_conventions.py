"""Every call that `docs/moving-from-neural-tangents.md` maps with a tick, by both libraries on the same numbers, in float64.

`theirs` runs in the environment of neural-tangents and writes a file; `ours` reads it and returns the differences.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

SIZES = (4, 16, 16, 2)
WEIGHT_STD, BIAS_STD = 1.5, 0.3
LEARNING_RATE, REGULARISED = 2.0, 0.1
TIMES = (0.7, 5.0)
TOLERANCE = 1e-12
ACTIVATIONS = {
    "relu": "Relu()",
    "leaky_relu": "LeakyRelu(0.01)",
    "abs": "Abs()",
    "erf": "Erf()",
    "gelu": "Gelu()",
    "sin": "Sin()",
    "cos": "Cos()",
}


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two sets of inputs, targets on the first, and a vector for the second."""
    rng = np.random.default_rng(0)
    shapes = ((6, SIZES[0]), (3, SIZES[0]), (6, SIZES[-1]), (3, SIZES[-1]))
    x1, x2, y, v = (rng.standard_normal(shape) for shape in shapes)
    return x1, x2, y, v


def theirs(file: str) -> None:
    """neural-tangents' answers, with the weights it drew, as an `.npz`."""
    import jax

    jax.config.update("jax_enable_x64", True)  # its own process
    import neural_tangents as nt
    from neural_tangents import stax

    x1, x2, y, v = data()

    def dense(units, **options):
        return stax.Dense(units, W_std=WEIGHT_STD, b_std=BIAS_STD, **options)

    out: dict = {}
    for kind in ("ntk", "standard"):
        hidden = [layer for units in SIZES[1:-1] for layer in (dense(units, parameterization=kind), stax.Relu())]
        init, f, infinite = stax.serial(*hidden, dense(SIZES[-1], parameterization=kind))
        _, params = init(jax.random.PRNGKey(0), (-1, SIZES[0]))
        for i, (w, b) in enumerate(p for p in params if p):
            out[f"{kind} w{i}"], out[f"{kind} b{i}"] = w, b
        out[f"{kind} outputs"] = f(params, x1)
        out[f"{kind} full"] = nt.empirical_ntk_fn(f, trace_axes=(), vmap_axes=0)(x1, x2, params)
        if kind == "ntk":
            _finite(out, nt, f, params, x1, x2, y, v)
            ensemble = nt.predict.gradient_descent_mse_ensemble(infinite, x1, y)
            out["ensemble"], out["inference"] = ensemble(x_test=x2, get="ntk"), ensemble(x_test=x2, get="nngp")
            out["ensemble at 3"] = ensemble(t=3.0, x_test=x2, get="ntk")
    for name, layer in ACTIVATIONS.items():
        _, _, kernel = stax.serial(dense(1), eval(f"stax.{layer}"), dense(1))
        out[f"infinite {name}"] = np.stack(kernel(x1, x2, ("nngp", "ntk")))
    branch = stax.serial(stax.FanOut(2), stax.parallel(stax.Identity(), stax.serial(stax.Relu(), dense(1))))
    _, _, kernel = stax.serial(dense(1), branch, stax.FanInSum(), stax.Relu(), dense(1))
    out["infinite residual"] = np.stack(kernel(x1, x2, ("nngp", "ntk")))
    np.savez(file, **{key: np.asarray(value) for key, value in out.items()})


def _finite(out, nt, f, params, x1, x2, y, v) -> None:
    import jax

    out["trace"] = nt.empirical_ntk_fn(f)(x1, x2, params)
    out["diagonal"] = nt.empirical_ntk_fn(f, trace_axes=(), diagonal_axes=(-1,))(x1, x2, params)
    out["nngp trace"] = nt.empirical_nngp_fn(f)(x1, x2, params)
    out["nngp full"] = nt.empirical_nngp_fn(f, trace_axes=())(x1, x2, params)
    out["product"] = nt.empirical_ntk_vp_fn(f, x1, x2, params)(v)
    moved = jax.tree_util.tree_map(lambda w: 1.01 * w, params)
    out["linearized"] = nt.linearize(f, params)(moved, x1)
    out["taylor"] = nt.taylor_expand(f, params, 1)(moved, x1)
    full = nt.empirical_ntk_fn(f, trace_axes=(), vmap_axes=0)
    train, test = full(x1, None, params), full(x2, x1, params)
    starts = f(params, x1), f(params, x2)
    flow = nt.predict.gradient_descent_mse(train, y, learning_rate=LEARNING_RATE, trace_axes=())
    for t in (None, *TIMES):
        out[f"flow train {t}"], out[f"flow test {t}"] = flow(t, *starts, test)
    ridge = nt.predict.gradient_descent_mse(train, y, diag_reg=REGULARISED, trace_axes=())
    out["ridge"], out["rate"] = ridge(None, *starts, test)[1], nt.predict.max_learning_rate(train)


def ours(file: str) -> dict[str, float]:
    """For each of their answers: the largest difference from ours, over the largest entry."""
    with np.load(file) as arrays:
        answers = dict(arrays)
    found = dict(_ours(answers))
    expected = [key for key in answers if key.split()[-1][0] not in "wb" or not key.split()[-1][1:].isdigit()]
    assert set(found) == set(expected), set(found) ^ set(expected)
    return {key: float(np.abs(found[key] - answers[key]).max() / np.abs(answers[key]).max()) for key in expected}


def _ours(answers) -> Iterator[tuple[str, np.ndarray]]:
    import jax
    import jax.numpy as jnp

    import zeroloss as zl
    from zeroloss.tangent.infinite import Activation, Dense, Serial

    x1, x2, y, v = data()
    c, layers = SIZES[-1], range(len(SIZES) - 1)
    for kind in ("standard", "ntk"):
        scales = [WEIGHT_STD / np.sqrt(m) for m in SIZES[:-1]] if kind == "ntk" else None
        with zl.double():
            w = [jnp.asarray(answers[f"{kind} w{i}"].T) for i in layers]
            b = [jnp.asarray(answers[f"{kind} b{i}"][0]) for i in layers]
            net = zl.FeedForward(w, b, ["relu"] * (len(SIZES) - 2), scales, scales and [BIAS_STD] * len(layers))
        yield f"{kind} outputs", zl.predict(net, x1)
        yield f"{kind} full", zl.tangent.kernel(net, x1, x2)
    f1, f2 = zl.predict(net, x1), zl.predict(net, x2)
    yield "trace", zl.tangent.kernel(net, x1, x2, outputs="trace")
    yield "diagonal", zl.tangent.kernel(net, x1, x2, outputs="diagonal")
    yield "nngp trace", f1 @ f2.T / c
    yield "nngp full", np.einsum("ia,jb->ijab", f1, f2)
    yield "product", zl.tangent.KernelOperator(net, x1, x2=x2) @ v
    lin = zl.tangent.linearized(net)
    with zl.double():
        # `origin + displacement` are their new weights.
        lin = type(lin)(jax.tree.map(lambda leaf: 0.01 * leaf, lin.origin), lin.origin, lin.rest)
    yield "linearized", zl.predict(lin, x1)
    yield "taylor", zl.predict(lin, x1)
    train, test = zl.tangent.kernel(net, x1), zl.tangent.kernel(net, x2, x1)
    starts = {"f0_train": f1, "f0_test": f2}
    for t in (None, *TIMES):
        time = np.inf if t is None else LEARNING_RATE * t / c
        after = zl.tangent.gradient_flow(train, y, test, **starts, time=time)
        yield f"flow train {t}", after.train
        yield f"flow test {t}", after.test
    ridge = REGULARISED * np.trace(zl.tangent.as_matrix(train)) / train[..., 0, 0].shape[0] / c
    yield "ridge", zl.tangent.gradient_flow(train, y, test, **starts, ridge=ridge).test
    largest = np.linalg.eigvalsh(zl.tangent.as_matrix(train))[-1]
    assert largest in zl.tangent.largest_eigenvalue(train)
    yield "rate", np.asarray(2 * len(x1) / largest * c)
    wide = zl.MLP(SIZES[0], c, SIZES[1:-1], None, "relu", "ntk", WEIGHT_STD, BIAS_STD)
    k, k_test = zl.tangent.infinite_kernel(wide, x1), zl.tangent.infinite_kernel(wide, x2, x1)
    yield "ensemble", zl.tangent.gradient_flow(k.ntk, y, k_test.ntk).test
    yield "inference", zl.tangent.gradient_flow(k.nngp, y, k_test.nngp).test
    yield "ensemble at 3", zl.tangent.gradient_flow(k.ntk, y, k_test.ntk, time=3.0 / c).test
    dense = Dense(WEIGHT_STD, BIAS_STD)
    for name in ACTIVATIONS:
        k = zl.tangent.infinite_kernel(Serial(dense, Activation(name), dense), x1, x2)
        yield f"infinite {name}", np.stack([k.nngp, k.ntk])
    net = zl.networks.ResidualMLP(SIZES[0], 1, 16, 1, "relu", WEIGHT_STD, BIAS_STD)
    k = zl.tangent.infinite_kernel(net, x1, x2)
    yield "infinite residual", np.stack([k.nngp, k.ntk])


def conventions(python: Path) -> dict[str, float]:
    """The differences; an `AssertionError` that names what is further apart than rounding."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "theirs.npz")
        code = "import sys; sys.path.insert(0, sys.argv[1]); from kernel_conventions import theirs; theirs(sys.argv[2])"
        command = [str(python), "-W", "ignore", "-c", code, str(Path(__file__).resolve().parent), file]
        subprocess.run(command, check=True, capture_output=True, timeout=600)
        apart = ours(file)
    far = {key: value for key, value in apart.items() if not value <= TOLERANCE}
    assert not far, f"zeroloss and neural-tangents differ: {far}"
    return apart
