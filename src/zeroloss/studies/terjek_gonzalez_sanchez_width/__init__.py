"""Do the five claims for wide networks hold, and from which width on does the theorem with constants say so?"""

from zeroloss.studies.terjek_gonzalez_sanchez_width.study import STUDY

__all__ = ["STUDY"]
