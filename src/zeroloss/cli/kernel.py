"""`zeroloss kernel`: expected cost, kernel, enclosures, spectrum, files."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json as json_module
from pathlib import Path
from typing import Any

import numpy as np

from zeroloss.cli.show import bar
from zeroloss.plumbing import InputError, double, write_whole
from zeroloss.plumbing.cost import expected_seconds
from zeroloss.plumbing.format import format_seconds
from zeroloss.plumbing.memory import available_bytes
from zeroloss.plumbing.precision import as_double


@dataclasses.dataclass(frozen=True)
class Request:
    """The options of the command."""

    outputs: str
    only_estimate: bool
    figure: Path | None
    out: Path | None
    json: bool
    force: bool


def run_kernel(net: Any, dataset: Any, request: Request) -> None:
    """Print the expected cost; form the kernel in float64, enclose its extreme eigenvalues, print, draw and write."""
    from zeroloss.tangent import estimate, kernel

    if request.outputs not in ("full", "trace"):
        raise InputError(f"--outputs {request.outputs}: choose full or trace.")
    if request.figure is not None:
        from zeroloss.figures.files import check_format

        check_format(request.figure)
    with double():
        wide = as_double(net)
    price = estimate(wide, dataset.x_train, outputs=request.outputs)
    if request.only_estimate:
        print(price.to_json() if request.json else price)
        return
    if not request.json:
        print(f"{str(price).splitlines()[0]}, enclosures included {format_seconds(_all_seconds(price))}.", flush=True)
    with bar(request.json) as progress:
        progress.stage("kernel", f"about {format_seconds(price.seconds)}")
        matrix = _matrix(kernel(wide, dataset.x_train, outputs=request.outputs))
        progress.stage("enclosures")
        low, high = _ends(wide, dataset, matrix, request.outputs)
        values = None
        if request.figure is not None:
            progress.stage("spectrum", f"about {format_seconds(_eigenvalue_seconds(len(matrix)))}")
            values = _draw(matrix, low, request)
    _write(matrix, low, high, values, dataset.out_size, request)
    _print(low, high, dataset, request)


def _matrix(k: np.ndarray) -> np.ndarray:
    from zeroloss.tangent import as_matrix

    return as_matrix(k)


def _ends(net: Any, dataset: Any, matrix: np.ndarray, outputs: str) -> tuple[Any, Any]:
    """Enclosures for the network's kernel where its rounding can be bounded within memory; else for the matrix as stored."""
    from zeroloss.tangent import entry_error_bound, largest_eigenvalue, smallest_eigenvalue

    error = 0.0
    have = available_bytes()
    if outputs == "full" and (have is None or 6 * matrix.nbytes < have):
        with contextlib.suppress(InputError):  # a network whose rounding is not bounded: as stored
            error = entry_error_bound(net, dataset.x_train, matrix)
    ends = smallest_eigenvalue(matrix, entry_error=error), largest_eigenvalue(matrix, entry_error=error)
    if error == 0:
        return ends
    about = f"the network's tangent kernel (rounding counted: {error:.2g})"
    return dataclasses.replace(ends[0], about=about), dataclasses.replace(ends[1], about=about)


def _draw(matrix: np.ndarray, low: Any, request: Request) -> np.ndarray:
    import scipy.linalg

    from zeroloss.figures import spectrum
    from zeroloss.figures.files import write_figure

    values = scipy.linalg.eigh(matrix, eigvals_only=True)[::-1]
    # Values below this may be zeros plus rounding, and are not drawn.
    floor = len(matrix) * np.finfo(float).eps * values[0]
    table = {"index": np.arange(1, len(values) + 1), "eigenvalue": np.where(values > floor, values, np.nan)}
    assert request.figure is not None
    lower = low.lower if request.outputs == "full" else None  # the trace form bounds the full kernel's only from above
    write_figure(request.figure, spectrum(table, lower, low.upper), force=request.force)
    return values


def _write(matrix, low, high, values, outputs: int, request: Request) -> None:
    if request.out is None:
        return
    arrays = {
        "kernel": matrix,
        "lambda_min": np.array([low.lower, low.upper]),
        "lambda_max": np.array([high.lower, high.upper]),
        "outputs": np.array(outputs if request.outputs == "full" else 1),
    }
    if values is not None:
        arrays["eigenvalues"] = values
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_whole(request.out, buffer.getvalue(), force=request.force)


def _print(low: Any, high: Any, dataset: Any, request: Request) -> None:
    if request.json:
        ends = {"smallest": json_module.loads(low.to_json()), "largest": json_module.loads(high.to_json())}
        print(json_module.dumps(ends))
        return
    print(repr(low), repr(high), sep="\n")
    if request.outputs == "trace":
        print(
            "These are for the trace form: the full kernel's smallest eigenvalue is at most, its largest at least, as large."
        )
    elif low.lower > 0:
        print(
            f"Condition number at most {high.upper / low.lower:.4g}; "
            f"gradient descent is stable below step {2 * dataset.n / high.upper:.4g}."
        )
    else:
        print(_why_not_positive(dataset))
    if request.out is not None:
        print(
            f"Wrote {request.out} (kernel: example-major, {'(n c, n c)' if request.outputs == 'full' else '(n, n)'})."
        )
    if request.figure is not None:
        print(f"Wrote {request.figure}.")


def _why_not_positive(dataset: Any) -> str:
    from zeroloss.data import groups

    repeats = dataset.n - groups(dataset.x_train).count
    if repeats:
        return f"{repeats} inputs repeat others, so the smallest eigenvalue is exactly 0: no rate of descent follows from it."
    return "No positive lower bound: the smallest eigenvalue is too close to 0 to be distinguished from it."


def _all_seconds(price: Any) -> float:
    """Expected seconds of the kernel and its enclosures."""
    rows = price.n1 * (price.c if price.outputs == "full" else 1)
    return price.seconds + expected_seconds(3 * rows**3)


def _eigenvalue_seconds(rows: int) -> float:
    """Expected seconds of all eigenvalues; half of the reduction to tridiagonal form runs at the speed of memory."""
    return expected_seconds(8 * rows**3)
