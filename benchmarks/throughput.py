"""The machine's throughput in dense matrix products, measured in the same rounds as the descent."""

from __future__ import annotations

import time

import numpy as np

SIZES = ((512, 512, 512), (1257, 512, 512), (1024, 1024, 1024))


class Products:
    """Products `(m, k) x (k, n)` by NumPy's BLAS and by XLA.

    Attributes:
        rates: flops a second, a list of rounds for each size and library (`2 m k n` flops a product).
    """

    def __init__(self, precision: str):
        import jax
        import jax.numpy as jnp

        from zeroloss.plumbing import double

        self.rates: dict[str, list[float]] = {}
        self._run = {}
        self._double = double
        rng = np.random.default_rng(0)
        product = jax.jit(jnp.matmul)
        for m, k, n in SIZES:
            a, b = (rng.standard_normal(shape).astype(precision) for shape in ((m, k), (k, n)))
            with double():
                device = jnp.asarray(a), jnp.asarray(b)
            self._run[f"numpy {m}x{k}x{n}"] = (2.0 * m * k * n, lambda a=a, b=b: a @ b)
            self._run[f"xla {m}x{k}x{n}"] = (2.0 * m * k * n, lambda d=device: product(*d).block_until_ready())
        self.measure()
        self.rates.clear()

    def measure(self, least: float = 0.02) -> None:
        """One round: the best of three products or more, for each size and library."""
        with self._double():
            for name, (work, run) in self._run.items():
                best, began, count = np.inf, time.perf_counter(), 0
                while count < 3 or time.perf_counter() - began < least:
                    start = time.perf_counter()
                    run()
                    best, count = min(best, time.perf_counter() - start), count + 1
                self.rates.setdefault(name, []).append(work / best)
