"""Black boxes, known by their answers alone: scikit-learn estimators, ONNX files, functions of a batch."""

from zeroloss.networks.black_box.box import OPEN, BlackBox
from zeroloss.networks.black_box.from_model import as_network, black_box
from zeroloss.networks.black_box.onnx import onnx_model

__all__ = ["OPEN", "BlackBox", "as_network", "black_box", "onnx_model"]
