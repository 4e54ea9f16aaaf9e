"""The report: one HTML file that needs no network connection, made from an examination or from single results."""

from zeroloss.report.files import read_results
from zeroloss.report.findings import Findings, Results, gather
from zeroloss.report.render import render, write_report

__all__ = ["Findings", "Results", "gather", "read_results", "render", "write_report"]
