"""The same tangent kernel `(n, n, c, c)`, by zeroloss, JAX, PyTorch and neural-tangents.

A contender is made from a problem, its weights and its inputs, and called without arguments; it ends when the kernel is
there. Each runs in a process of its own (`kernel_worker.py`); what it needs is imported there.
"""

from __future__ import annotations

import contextlib
import os
import time

import numpy as np
from kernel_problems import Problem, activation_bytes, jax_function, torch_function

PAIRS_BYTES = 1 << 30
"""What the results of a chunk of pairs may take in the vector-product form of PyTorch, with a vmap's copies beside it."""


def _jax_scope(problem: Problem):
    import jax

    return jax.enable_x64(True) if problem.precision == "float64" else contextlib.nullcontext()


class Zeroloss:
    """`zeroloss.tangent.kernel` as it comes, with its own check of each result."""

    check = True

    def __init__(self, problem: Problem, weights: dict, x: np.ndarray):
        import zeroloss as zl
        from zeroloss.plumbing import double

        with double():
            import jax.numpy as jnp

            self._network = zl.wrap(jax_function(problem.kind), {k: jnp.asarray(v) for k, v in weights.items()})
        self._kernel, self._x = zl.tangent.kernel, x

    def __call__(self):
        return self._kernel(self._network, self._x, check=self.check)


class ZerolossUnchecked(Zeroloss):
    """The same without the check, which none of the others has."""

    check = False


class JaxJacobian:
    """`jit(vmap(jacrev))`, and the Jacobian times its transpose, one parameter after the other."""

    def __init__(self, problem: Problem, weights: dict, x: np.ndarray):
        import jax

        function, n, c = jax_function(problem.kind), problem.n, problem.outputs

        @jax.jit
        def kernel(weights, x):
            jacobian = jax.vmap(jax.jacrev(lambda w, v: function(w, v[None])[0]), (None, 0))(weights, x)
            flat = [leaf.reshape(n * c, -1) for leaf in jax.tree_util.tree_leaves(jacobian)]
            return sum(j @ j.T for j in flat).reshape(n, c, n, c).transpose(0, 2, 1, 3)

        self._scope = lambda: _jax_scope(problem)
        with self._scope():
            self._arguments = jax.device_put((weights, x))
        self._run = kernel
        self._gradient = jax.jit(jax.grad(lambda w, batch: function(w, batch).sum()))

    def __call__(self):
        with self._scope():
            return np.asarray(self._run(*self._arguments))

    def passes(self) -> None:
        """One forward and one backward pass over all examples: what no contender can do without."""
        with self._scope():
            import jax

            jax.block_until_ready(self._gradient(*self._arguments))


class _Torch:
    """PyTorch on one thread or on all, whichever is faster."""

    def __init__(self, problem: Problem, weights: dict, x: np.ndarray):
        import torch

        self._torch, self._problem = torch, problem
        self._weights = {k: torch.from_numpy(v) for k, v in weights.items()}
        self._x = torch.from_numpy(x)
        batched = torch_function(problem.kind)
        self._function = lambda w, v: batched(w, v[None])[0]

    def choose(self) -> int:
        """Sets the number of threads by one trial each, after a first call."""
        seconds = {}
        for threads in sorted({1, os.cpu_count() or 1}):
            self._torch.set_num_threads(threads)
            began = time.perf_counter()
            self()
            seconds[threads] = time.perf_counter() - began
        best = min(seconds, key=seconds.__getitem__)
        self._torch.set_num_threads(best)
        return best

    def __call__(self):
        return self._kernel().numpy()


class TorchJacobian(_Torch):
    """`torch.func.vmap(jacrev)`, and the Jacobian times its transpose, one parameter after the other."""

    def _kernel(self):
        func, n, c = self._torch.func, self._problem.n, self._problem.outputs
        jacobian = func.vmap(func.jacrev(self._function), (None, 0))(self._weights, self._x)
        flat = (j.reshape(n * c, -1) for j in jacobian.values())
        return sum(j @ j.T for j in flat).reshape(n, c, n, c).transpose(1, 2)


class TorchProducts(_Torch):
    """PyTorch's other recipe: for each pair of examples a vjp and a jvp an output, in chunks that fit the memory."""

    def _kernel(self):
        torch, func, weights, c = self._torch, self._torch.func, self._weights, self._problem.outputs

        def pair(x1, x2):
            _, pullback = func.vjp(lambda w: self._function(w, x1), weights)

            def row(vector):
                return func.jvp(lambda w: self._function(w, x2), (weights,), pullback(vector))[1]

            return func.vmap(row)(torch.eye(c, dtype=x1.dtype))

        # All x2 for one x1; PyTorch copies the direction in the weights for each of them.
        per_row = c * (activation_bytes(self._problem) + self._problem.n * sum(w.nbytes for w in weights.values()))
        chunk = max(1, min(self._problem.n, PAIRS_BYTES // per_row))
        rows = func.vmap(pair, (None, 0))
        return func.vmap(rows, (0, None), chunk_size=chunk)(self._x, self._x)


class _NeuralTangents:
    """`neural_tangents.empirical_ntk_fn`, jitted, all outputs, in an environment of its own."""

    implementation = ""

    def __init__(self, problem: Problem, weights: dict, x: np.ndarray):
        import jax
        import neural_tangents as nt

        if problem.precision == "float64":
            jax.config.update("jax_enable_x64", True)  # its own process
        made = nt.empirical_ntk_fn(
            jax_function(problem.kind),
            trace_axes=(),
            vmap_axes=0,
            implementation=nt.NtkImplementation[self.implementation],
        )
        self._run = jax.jit(lambda x, weights: made(x, None, weights))
        self._arguments = jax.device_put((x, weights))

    def __call__(self):
        return np.asarray(self._run(*self._arguments))


class NtJacobian(_NeuralTangents):
    implementation = "JACOBIAN_CONTRACTION"


class NtProducts(_NeuralTangents):
    implementation = "NTK_VECTOR_PRODUCTS"


class NtStructured(_NeuralTangents):
    implementation = "STRUCTURED_DERIVATIVES"


CONTENDERS = {
    "zeroloss": Zeroloss,
    "zeroloss unchecked": ZerolossUnchecked,
    "jax jacobian": JaxJacobian,
    "torch jacobian": TorchJacobian,
    "torch vector products": TorchProducts,
    "nt jacobian contraction": NtJacobian,
    "nt vector products": NtProducts,
    "nt structured derivatives": NtStructured,
}
