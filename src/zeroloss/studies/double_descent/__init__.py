"""Does larger generalise better? Test error against width across the interpolation threshold, with and without label noise."""

from zeroloss.studies.double_descent.study import STUDY

__all__ = ["STUDY"]
