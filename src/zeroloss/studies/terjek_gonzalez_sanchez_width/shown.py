"""What is shown: figures with their captions, and small tables, all from the tables of trials."""

from __future__ import annotations

FIGURES = ()
TABLES = ()
