"""Networks: pytrees that are called on one example."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zeroloss.plumbing.lazy import load_lazily

if TYPE_CHECKING:
    from zeroloss.networks.activations import ACTIVATIONS
    from zeroloss.networks.antisymmetric import AntisymmetricMLP
    from zeroloss.networks.black_box import BlackBox, as_network, black_box
    from zeroloss.networks.differentiable import differentiable
    from zeroloss.networks.export import export_network
    from zeroloss.networks.feedforward import FeedForward
    from zeroloss.networks.mlp import MLP
    from zeroloss.networks.precision import is_double, precision
    from zeroloss.networks.predict import as_input, predict
    from zeroloss.networks.pytorch import (
        ConversionWarning,
        KinkWarning,
        TorchNetwork,
        from_torch,
        is_torch_module,
        register_operator,
        to_torch,
    )
    from zeroloss.networks.residual import ResidualMLP
    from zeroloss.networks.shaped import as_given, on_rows
    from zeroloss.networks.squasher import SquasherNetwork
    from zeroloss.networks.storage import load_network, save_network
    from zeroloss.networks.traced import TracedNetwork
    from zeroloss.networks.trainable import constant, trainable_mask
    from zeroloss.networks.wrapped import Wrapped, wrap

_NAMES = {
    "zeroloss.networks.activations": ("ACTIVATIONS",),
    "zeroloss.networks.antisymmetric": ("AntisymmetricMLP",),
    "zeroloss.networks.black_box": ("BlackBox", "as_network", "black_box"),
    "zeroloss.networks.differentiable": ("differentiable",),
    "zeroloss.networks.export": ("export_network",),
    "zeroloss.networks.feedforward": ("FeedForward",),
    "zeroloss.networks.mlp": ("MLP",),
    "zeroloss.networks.precision": ("is_double", "precision"),
    "zeroloss.networks.predict": ("predict", "as_input", "suited"),  # suited: the old name
    "zeroloss.networks.pytorch": (
        "ConversionWarning",
        "KinkWarning",
        "TorchNetwork",
        "from_torch",
        "is_torch_module",
        "register_operator",
        "to_torch",
    ),
    "zeroloss.networks.residual": ("ResidualMLP",),
    "zeroloss.networks.shaped": ("as_given", "on_rows"),
    "zeroloss.networks.squasher": ("SquasherNetwork",),
    "zeroloss.networks.storage": ("load_network", "save_network"),
    "zeroloss.networks.traced": ("TracedNetwork",),
    "zeroloss.networks.trainable": ("constant", "trainable_mask"),
    "zeroloss.networks.wrapped": ("Wrapped", "wrap"),
}
load_lazily(__name__, _NAMES)

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "AntisymmetricMLP",
    "BlackBox",
    "ConversionWarning",
    "FeedForward",
    "KinkWarning",
    "ResidualMLP",
    "SquasherNetwork",
    "TorchNetwork",
    "TracedNetwork",
    "Wrapped",
    "as_given",
    "as_input",
    "as_network",
    "black_box",
    "constant",
    "differentiable",
    "export_network",
    "from_torch",
    "is_double",
    "is_torch_module",
    "load_network",
    "on_rows",
    "precision",
    "predict",
    "register_operator",
    "save_network",
    "to_torch",
    "trainable_mask",
    "wrap",
]
