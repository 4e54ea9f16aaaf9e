"""`python -m zeroloss.cli`."""

from zeroloss.cli.entry import main

main()
