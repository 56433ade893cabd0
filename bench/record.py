"""The rows as JSON: one object a row, its figures beside suite and subject."""

from collections.abc import Sequence

from pydantic_core import to_json

from bench.case import Row

DECIMALS = 3


def to_json_rows(rows: Sequence[Row]) -> bytes:
    """A list of `{"suite", "subject", "<figure>_<unit>", ...}`."""
    return to_json([_document(row) for row in rows], indent=1) + b"\n"


def _document(row: Row) -> dict[str, object]:
    figures = {name: round(value, DECIMALS) for name, value in row.figures.items()}
    return {"suite": row.suite, "subject": row.subject, **figures}
