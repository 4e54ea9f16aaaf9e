"""The study: its parts, joined."""

from __future__ import annotations

from zeroloss.studies.brutzkus_globerson_xor import mnist, xor
from zeroloss.studies.study import Study

STUDY = Study(
    name="brutzkus_globerson_xor",
    title="When does a larger network generalise better than a small one that also reaches zero training loss?",
    experiments=(*xor.EXPERIMENTS, *mnist.EXPERIMENTS),
    claims=(*xor.CLAIMS, *mnist.CLAIMS),
    figures=(*xor.FIGURES, *mnist.FIGURES),
    tables=(*xor.TABLES, *mnist.TABLES),
    after="A. Brutzkus, A. Globerson, Why do larger models generalize better? arXiv 1810.03037 (ICML 2019)",
    notes=(*xor.NOTES, *mnist.NOTES),
)
