"""`python -m doorbuster` is `doorbuster`."""

from doorbuster.cli import main

main()
