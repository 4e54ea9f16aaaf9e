"""When do larger networks generalise better? The experiments of Brutzkus and Globerson, 1810.03037."""

from zeroloss.studies.brutzkus_globerson_xor.study import STUDY

__all__ = ["STUDY"]
