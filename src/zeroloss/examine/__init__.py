"""The main job: certify, descend, prove, audit and twin, on one data set and network, told as one story."""

from zeroloss.examine.examination import Examination
from zeroloss.examine.given import examine_given
from zeroloss.examine.plan import Plan, make_plan
from zeroloss.examine.run import examine
from zeroloss.examine.stages import Examined

__all__ = ["Examination", "Examined", "Plan", "examine", "examine_given", "make_plan"]
