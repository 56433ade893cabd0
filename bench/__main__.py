"""`python -m bench SUITE`: see `python -m bench --help`."""

from bench.command import app

app()
