"""`audit`: can this fit be trusted? Trust radius, laziness, errors and measures, each with its interval."""

import sys
import types

from zeroloss.audit.auditing import Audit, audit
from zeroloss.audit.catalogue import CATALOGUE
from zeroloss.audit.fit import training_loss
from zeroloss.audit.laziness import Laziness, laziness, lazy_verdict
from zeroloss.audit.local import local_verdict
from zeroloss.audit.measure import Measure
from zeroloss.audit.price import AuditPrice, priced
from zeroloss.audit.ranking import Correlation, Ranking, rank
from zeroloss.audit.trust import Trust, trust_curve

__all__ = [
    "CATALOGUE",
    "Audit",
    "AuditPrice",
    "Correlation",
    "Laziness",
    "Measure",
    "Ranking",
    "Trust",
    "audit",
    "laziness",
    "lazy_verdict",
    "local_verdict",
    "priced",
    "rank",
    "training_loss",
    "trust_curve",
]


class _Room(types.ModuleType):
    """`zeroloss.audit` is both this package and the function: importing a package binds its name, so it is made callable."""

    def __call__(self, *args, **kwargs):
        return audit(*args, **kwargs)


sys.modules[__name__].__class__ = _Room
