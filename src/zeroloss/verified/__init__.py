"""What PROVED rests on: bounds with all rounding counted, by NumPy, SciPy and the C library alone."""
