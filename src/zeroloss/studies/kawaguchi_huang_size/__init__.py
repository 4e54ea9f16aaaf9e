"""How many parameters are enough for zero training loss? Counted against equations, on random and on natural labels."""

from zeroloss.studies.kawaguchi_huang_size.study import STUDY

__all__ = ["STUDY"]
