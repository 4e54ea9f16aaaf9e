"""`python -m zeroloss`."""

from zeroloss.cli.app import main

main()
