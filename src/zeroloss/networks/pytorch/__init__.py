"""PyTorch modules: read into JAX operator by operator, and their weights written back."""

from typing import TYPE_CHECKING

from zeroloss.plumbing.lazy import load_lazily

if TYPE_CHECKING:
    from zeroloss.networks.pytorch.convert import from_torch, to_torch
    from zeroloss.networks.pytorch.export import is_torch_module
    from zeroloss.networks.pytorch.forms import ConversionWarning
    from zeroloss.networks.pytorch.kinks import KinkWarning
    from zeroloss.networks.pytorch.network import TorchNetwork
    from zeroloss.networks.pytorch.operators import OPERATORS, register_operator

load_lazily(
    __name__,
    {
        "zeroloss.networks.pytorch.convert": ("from_torch", "to_torch"),
        "zeroloss.networks.pytorch.export": ("is_torch_module",),
        "zeroloss.networks.pytorch.forms": ("ConversionWarning",),
        "zeroloss.networks.pytorch.kinks": ("KinkWarning",),
        "zeroloss.networks.pytorch.network": ("TorchNetwork",),
        "zeroloss.networks.pytorch.operators": ("OPERATORS", "register_operator"),
    },
)

__all__ = [
    "OPERATORS",
    "ConversionWarning",
    "KinkWarning",
    "TorchNetwork",
    "from_torch",
    "is_torch_module",
    "register_operator",
    "to_torch",
]
