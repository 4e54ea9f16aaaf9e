"""The data that is fitted: data sets by name and from files, label noise, repeated inputs and how low the risk can get."""

from zeroloss.data.dataset import Dataset
from zeroloss.data.infimum import Infimum, infimum
from zeroloss.data.load import NAMES, from_arrays, load_data
from zeroloss.data.mnist1d import make_mnist1d
from zeroloss.data.repeats import Collapsed, Groups, collapse, contradictions, groups
from zeroloss.data.transforms import noisy_labels, random_labels, subset

__all__ = [
    "NAMES",
    "Collapsed",
    "Dataset",
    "Groups",
    "Infimum",
    "collapse",
    "contradictions",
    "from_arrays",
    "groups",
    "infimum",
    "load_data",
    "make_mnist1d",
    "noisy_labels",
    "random_labels",
    "subset",
]
