"""Verdicts: a claim, its status, a reason a person can read, and the evidence."""

from zeroloss.verdict.intervals import wilson
from zeroloss.verdict.record import Record, from_json
from zeroloss.verdict.rounded import at_least, at_most
from zeroloss.verdict.verdict import Status, Verdict

__all__ = ["Record", "Status", "Verdict", "at_least", "at_most", "from_json", "wilson"]
