"""`examine`, the main job: certify, descend, prove, audit and twin on one data set and network, in one result."""

from zeroloss.examine.examination import Examination
from zeroloss.examine.plan import Plan, make_plan
from zeroloss.examine.run import examine
from zeroloss.examine.stages import Examined
from zeroloss.examine.trained import examine_given

__all__ = ["Examination", "Examined", "Plan", "examine", "examine_given", "make_plan"]
