"""What does zero training loss mean for your network?

`import zeroloss as zl` loads nothing heavy: each public name is imported from its room when it is first used
(PEP 562), and with it JAX, scikit-learn or pandas where that room needs them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zeroloss import figures, report, tangent, theorems
    from zeroloss.audit import Audit, audit
    from zeroloss.data import Dataset, from_arrays, load_data
    from zeroloss.descent import Descent, SquasherRegressor, descend
    from zeroloss.minima import Twin, twin
    from zeroloss.networks import (
        MLP,
        FeedForward,
        SquasherNetwork,
        black_box,
        from_torch,
        load_network,
        predict,
        save_network,
        to_torch,
        wrap,
    )
    from zeroloss.plumbing import InputError, double
    from zeroloss.plumbing.version import __version__
    from zeroloss.problem import Problem
    from zeroloss.prove import Proof, prove
    from zeroloss.theorems import Certificate, certify
    from zeroloss.verdict import Status, Verdict

__all__ = [
    "MLP",
    "Audit",
    "Certificate",
    "Dataset",
    "Descent",
    "FeedForward",
    "InputError",
    "Problem",
    "Proof",
    "SquasherNetwork",
    "SquasherRegressor",
    "Status",
    "Twin",
    "Verdict",
    "__version__",
    "audit",
    "black_box",
    "certify",
    "descend",
    "double",
    "figures",
    "from_arrays",
    "from_torch",
    "load_data",
    "load_network",
    "predict",
    "prove",
    "report",
    "save_network",
    "tangent",
    "theorems",
    "to_torch",
    "twin",
    "wrap",
]

_NAMES = {
    "data": ("Dataset", "from_arrays", "load_data"),
    "descent": ("Descent", "SquasherRegressor", "descend"),
    "minima": ("Twin", "twin"),
    "networks": (
        "MLP",
        "FeedForward",
        "SquasherNetwork",
        "black_box",
        "from_torch",
        "load_network",
        "predict",
        "save_network",
        "to_torch",
        "wrap",
    ),
    "plumbing": ("InputError", "double"),
    "plumbing.version": ("__version__",),
    "theorems": ("Certificate", "certify"),
    "verdict": ("Status", "Verdict"),
    "audit": ("Audit",),
    "problem": ("Problem",),
    "prove": ("Proof",),
}
_HOME = {name: room for room, names in _NAMES.items() for name in names}
_ROOMS = (
    "audit", "data", "descent", "examine", "figures", "minima", "networks", "plumbing", "prove", "report", "studies", "tangent", "theorems",
    "verdict", "verified",
)  # fmt: skip
"""Folders, loaded when first used; `zl.audit(...)` and `zl.prove(...)` work too: those two are callable."""


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _HOME:
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
