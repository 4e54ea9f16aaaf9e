"""What do the papers' experiments, and the user's own, say? Studies: grids of trials, kept, resumed, judged."""

from zeroloss.studies.judging import Interval, all_of, judge, mean, paired_difference, proportion, slope
from zeroloss.studies.study import Claim, Experiment, Finding, Grid, Study, StudyFigure, StudyTable

__all__ = [
    "Claim",
    "Experiment",
    "Finding",
    "Grid",
    "Interval",
    "Study",
    "StudyFigure",
    "StudyTable",
    "all_of",
    "judge",
    "mean",
    "paired_difference",
    "proportion",
    "slope",
]
