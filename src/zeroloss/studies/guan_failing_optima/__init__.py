"""How bad can a network of zero training loss be? The explicit ones, of every activation, dimension, depth, measured."""

from zeroloss.studies.guan_failing_optima.study import STUDY

__all__ = ["STUDY"]
