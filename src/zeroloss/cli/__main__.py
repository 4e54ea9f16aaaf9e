"""`python -m zeroloss.cli`."""

from zeroloss.cli.app import main

main()
