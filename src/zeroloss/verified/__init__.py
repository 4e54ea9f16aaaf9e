"""The trusted core, on which every PROVED rests: bounds with all rounding counted, by NumPy, SciPy and the C library alone."""
