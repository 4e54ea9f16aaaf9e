"""`zeroloss kernel`: price, kernel, enclosures, file."""

from __future__ import annotations

import io
import json as json_module
from pathlib import Path
from typing import Any

import numpy as np

from zeroloss.plumbing import InputError, double, write_whole
from zeroloss.plumbing.precision import as_double

MOST_GIGABYTES = 16.0


def run_kernel(net: Any, dataset: Any, json: bool, out: Path | None, force: bool) -> None:
    """Form the full kernel in float64, enclose its extreme eigenvalues, print and write."""
    from zeroloss.tangent import kernel_matrix, largest_eigenvalue, smallest_eigenvalue

    equations = dataset.n * dataset.out_size
    gigabytes = 3 * 8 * equations**2 / 1e9
    seconds = 5 + equations**2 * (sum(net.widths) + 3 * equations / 3) / 4e10 if hasattr(net, "widths") else None
    if not json:
        expect = "" if seconds is None else f", expect about {seconds:.0f} s"
        print(f"{equations:,} equations: {gigabytes:.2g} GB{expect}.", flush=True)
    if gigabytes > MOST_GIGABYTES:
        most = int((MOST_GIGABYTES * 1e9 / 24) ** 0.5 / dataset.out_size)
        raise InputError(f"the full kernel needs {gigabytes:.0f} GB; give --n-train {most} or fewer.")
    with double():
        wide = as_double(net)
    matrix = kernel_matrix(wide, dataset.x_train)
    low, high = smallest_eigenvalue(matrix), largest_eigenvalue(matrix)
    if out is not None:
        buffer = io.BytesIO()
        np.savez(
            buffer,
            kernel=matrix,
            lambda_min=[low.lower, low.upper],
            lambda_max=[high.lower, high.upper],
            outputs=dataset.out_size,
        )
        write_whole(out, buffer.getvalue(), force=force)
    if json:
        print(
            json_module.dumps(
                {"smallest": json_module.loads(low.to_json()), "largest": json_module.loads(high.to_json())}
            )
        )
        return
    print(repr(low), repr(high), sep="\n")
    if low.lower > 0:
        print(
            f"Condition number at most {high.upper / low.lower:.4g}; "
            f"gradient descent is stable below step {2 * dataset.n / high.upper:.4g}."
        )
    if out is not None:
        print(f"Wrote {out} (kernel: example-major, (n c, n c)).")
