"""When do larger networks generalise better? Brutzkus and Globerson, 1810.03037: XOR detection, filters on images."""

from zeroloss.studies.brutzkus_globerson_xor.study import STUDY

__all__ = ["STUDY"]
