"""`python -m zeroloss`."""

from zeroloss.cli.entry import main

main()
