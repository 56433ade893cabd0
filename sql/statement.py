"""Loads the SQL statements that lie beside this module, one a file."""

from importlib import resources


def load(name: str) -> str:
    """The statement `statements/<name>.sql`."""
    return (resources.files("sql") / f"statements/{name}.sql").read_text()
