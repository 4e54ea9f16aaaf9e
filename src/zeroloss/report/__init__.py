"""What does a person read? One HTML file that needs no network, made from one examination."""

from zeroloss.report.render import render, write_report

__all__ = ["render", "write_report"]
