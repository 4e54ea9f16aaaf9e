"""By what it is fitted: networks as pytrees that are called on one example."""

from zeroloss.networks.activations import ACTIVATIONS
from zeroloss.networks.export import export_network
from zeroloss.networks.feedforward import FeedForward
from zeroloss.networks.mlp import MLP
from zeroloss.networks.predict import is_double, precision, predict, suited
from zeroloss.networks.residual import ResidualMLP
from zeroloss.networks.squasher import SquasherNetwork
from zeroloss.networks.storage import load_network, save_network
from zeroloss.networks.trainable import constant, trainable_mask
from zeroloss.networks.wrapped import Wrapped, wrap

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "FeedForward",
    "ResidualMLP",
    "SquasherNetwork",
    "Wrapped",
    "constant",
    "export_network",
    "is_double",
    "load_network",
    "precision",
    "predict",
    "save_network",
    "suited",
    "trainable_mask",
    "wrap",
]
