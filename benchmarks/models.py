"""Architectures from PyTorch: do they convert, and are answers, gradients and tangent kernels those of PyTorch?

python benchmarks/models.py                          # all: some 80 models, a Markdown table on standard output
python benchmarks/models.py --only LSTM,BERT --limit 300

Each model is tiny, at random weights, converted from float32, in a process of its own under a time limit. Columns: what the
conversion says; the largest difference of the answers to 4 examples, and of one vector-Jacobian product by all parameters,
both relative to the largest entry of PyTorch's; the same of the tangent kernel of 2 examples against PyTorch's Jacobian, and
seconds with its compilation; an audit of 8 examples; processor seconds of it all. Models of `transformers` are left out where that
package is missing. (torchvision and timm, which imports it, are not tried: what they hold is written out here.)
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import multiprocessing
import os
import platform
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
EXAMPLES = 8
COLUMNS = (
    "model",
    "parameters",
    "conversion",
    "answers",
    "gradient",
    "kernel",
    "kernel s",
    "audit",
    "audit s",
    "CPU s",
)


def registry() -> dict[str, Any]:
    """Name to the function that makes the module and the shape of an example."""
    import models_torch

    found = dict(models_torch.MODELS)
    if importlib.util.find_spec("transformers") is not None:
        import models_transformers

        found |= models_transformers.MODELS
    return found


def relative(found: np.ndarray, wanted: np.ndarray) -> str:
    """The largest difference by the largest entry."""
    gap = np.abs(np.asarray(found, np.float64) - wanted).max() / max(np.abs(wanted).max(), 1e-300)
    return f"{gap:.0e}"


def examine(name: str, audit: bool, row: dict[str, str], send: Any) -> None:
    """Fills the row step by step; each step is sent, so that what was found before a time limit counts."""
    import torch
    from models_transformers import batch

    began = time.process_time()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    try:
        module, shape = registry()[name]()
    except Exception as error:  # a version of transformers without the model
        row["conversion"] = f"not made: {_one_line(error)}"
        send(row)
        return
    module = module.float().eval()
    row["parameters"] = f"{sum(p.numel() for p in module.parameters()):,}"
    x = batch(shape, EXAMPLES)
    send(row)
    try:
        _steps(module, x, audit, row, send)
    finally:
        row["CPU s"] = f"{time.process_time() - began:.0f}"
        send(row)


def _steps(module: Any, x: Any, audit: bool, row: dict[str, str], send: Any) -> None:
    import torch

    import zeroloss as zl

    few, at = x[:4], ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # rows on a kink: the kernel column says whether torch's choice is kept
            network = zl.from_torch(module, few, layers=False)
        row["conversion"], at = "ok", "answers"
        send(row)
        wanted = torch.cat([module(one[None]) for one in few])
        row["answers"] = relative(zl.predict(network, few.numpy().reshape(len(few), -1)), wanted.detach().numpy())
        at = "gradient"
        row["gradient"] = _gradient(module, network, few, wanted)
        send(row)
        at, began = "kernel", time.perf_counter()
        found = zl.tangent.kernel(network, few[:2].numpy().reshape(2, -1))
        row["kernel s"] = f"{time.perf_counter() - began:.0f}"
        row["kernel"] = relative(found, _kernel(module, network, few[:2]))
        send(row)
        if audit:
            at, began = "audit", time.perf_counter()
            labels = np.arange(len(x)) % 3
            data = zl.from_arrays(x.numpy().reshape(len(x), -1), labels, test_fraction=0, scaling="none")
            verdict = zl.audit(network, data, points=2)
            row["audit"], row["audit s"] = (
                str(verdict.status if hasattr(verdict, "status") else "runs"),
                f"{time.perf_counter() - began:.0f}",
            )
    except Exception as error:
        kind = "" if isinstance(error, zl.plumbing.InputError) else f"{type(error).__name__}: "
        row[at or "conversion"] = kind + _one_line(error)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).replace("|", "/")[:160]


def _gradient(module: Any, network: Any, x: Any, wanted: Any) -> str:
    import equinox as eqx
    import jax
    import torch

    v = torch.randn(wanted.shape, generator=torch.Generator().manual_seed(1))
    own = {k: p for k, p in module.named_parameters() if k in network.parameters}
    grads = torch.autograd.grad((wanted * v).sum(), list(own.values()), retain_graph=True)

    def paired(network, x, v):
        return (jax.vmap(network)(x) * v).sum()

    ours = eqx.filter_jit(eqx.filter_grad(paired))(network, x.numpy().reshape(len(x), -1), v.numpy()).parameters
    flat = [
        np.concatenate([np.asarray(g[k]).ravel() for k in own])
        for g in (ours, {k: g.numpy() for k, g in zip(own, grads, strict=True)})
    ]
    return relative(flat[0], flat[1])


def _kernel(module: Any, network: Any, x: Any) -> np.ndarray:
    """`(2, 2, c, c)` from PyTorch's Jacobian, in float64."""
    import torch

    own = [p for k, p in module.named_parameters() if k in network.parameters]
    rows = []
    for one in x:
        answers = module(one[None])[0]
        grads = [torch.autograd.grad(a, own, retain_graph=True) for a in answers]
        rows.append([np.concatenate([g.numpy().ravel() for g in parts]) for parts in grads])
    j = np.asarray(rows, np.float64)
    return np.einsum("iap,jbp->ijab", j, j)


def _worker(name: str, audit: bool, pipe: Any) -> None:
    import warnings

    warnings.simplefilter("ignore")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    examine(name, audit, dict.fromkeys(COLUMNS, "") | {"model": name}, pipe.send)


def run(name: str, audit: bool, limit: float) -> dict[str, str]:
    """The row of one model, or as much of it as the time limit leaves."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_worker, args=(name, audit, theirs))
    process.start()
    theirs.close()
    row, end = dict.fromkeys(COLUMNS, "") | {"model": name}, time.monotonic() + limit
    try:
        while ours.poll(max(0.0, end - time.monotonic())):
            row = ours.recv()
        row["conversion"] += f" (stopped after {limit:.0f} s)"
    except EOFError:
        pass
    process.kill() if process.is_alive() and time.monotonic() >= end else None
    process.join()
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="names, with commas between")
    parser.add_argument("--limit", type=float, default=180, help="seconds a model")
    parser.add_argument("--no-audit", action="store_true")
    given = parser.parse_args()
    import jax
    import torch

    names = list(registry()) if given.only is None else given.only.split(",")
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, jax {jax.__version__}"
    print(
        f"{datetime.date.today()}, {versions}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start\n"
    )
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|", flush=True)
    for name in names:
        row = run(name, not given.no_audit, given.limit)
        print("| " + " | ".join(row[column] for column in COLUMNS) + " |", flush=True)


if __name__ == "__main__":
    main()
