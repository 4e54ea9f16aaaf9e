"""What do the papers' experiments, and the user's own, say? Studies: grids of trials, kept, resumed, judged."""

from zeroloss.studies.grids import Grid
from zeroloss.studies.judging import Interval, all_of, judge, mean, paired_difference, proportion, share, slope
from zeroloss.studies.measured import Judged, Measured, claim, pairs, summary
from zeroloss.studies.plan import cells
from zeroloss.studies.registry import PAPERS, Origin, find_study
from zeroloss.studies.result import StudyResult, conclude
from zeroloss.studies.run import Price, Run, price, run
from zeroloss.studies.store import Store
from zeroloss.studies.study import SCALES, Claim, Experiment, Finding, Study, StudyFigure, StudyTable
from zeroloss.studies.tables import export, tables
from zeroloss.studies.trying import quick_tables
from zeroloss.studies.typed import per_block, per_key

__all__ = [
    "PAPERS",
    "SCALES",
    "Claim",
    "Experiment",
    "Finding",
    "Grid",
    "Interval",
    "Judged",
    "Measured",
    "Origin",
    "Price",
    "Run",
    "Store",
    "Study",
    "StudyFigure",
    "StudyResult",
    "StudyTable",
    "all_of",
    "cells",
    "claim",
    "conclude",
    "export",
    "find_study",
    "judge",
    "mean",
    "paired_difference",
    "pairs",
    "per_block",
    "per_key",
    "price",
    "proportion",
    "quick_tables",
    "run",
    "share",
    "slope",
    "summary",
    "tables",
]
