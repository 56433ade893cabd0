"""Valkey and Postgres as child processes, from the wheels that carry their programs."""
