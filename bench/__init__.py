"""Measures Doorbuster beside what others would write for the same job: `python -m bench --help`."""
