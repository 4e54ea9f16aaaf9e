"""When do estimates that minimise the empirical risk miss the minimax rate? Squasher networks on three designs."""

from zeroloss.studies.kohler_krzyzak_squasher.study import STUDY

__all__ = ["STUDY"]
