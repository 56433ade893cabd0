"""A file of products: JSON, one object a line, or CSV with the names of its columns on top.

Both are read line by line, and whatever is wrong names its line. A row is the whole product: what
it leaves out, the product has not.
"""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

from pydantic import ValidationError

from doorbuster.faults import WrongFile
from doorbuster.mistakes import told
from gateway.definitions.product import ProductDefinition
from sql.products import Product

# They are held in memory, half a kilobyte each, so that all are checked before one is written.
MAX_PRODUCTS: Final = 1_000_000
# Whoever has more lines than this to mend begins with these.
MISTAKES_TOLD: Final = 20


class Mistakes(Exception):
    """What is wrong with a line, in one text for each."""

    def __init__(self, *texts: str) -> None:
        super().__init__("; ".join(texts))
        self.texts = texts


# A line's number, and what stands there.
Row: TypeAlias = tuple[int, ProductDefinition | Mistakes]


def read_product_file(path: Path) -> list[Product]:
    """The products in the file, by sku. Raises WrongFile with one line for each mistake in it."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            products, mistakes = _sorted_out(_csv(file) if path.suffix == ".csv" else _json(file))
    except OSError as error:
        raise WrongFile(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WrongFile(f"{path}: it is not UTF-8: {error.reason}") from error
    if mistakes:
        raise WrongFile("\n".join(f"{path}: {mistake}" for mistake in _first(mistakes)))
    return sorted(products, key=lambda product: product.sku)


def _first(mistakes: list[str]) -> list[str]:
    rest = len(mistakes) - MISTAKES_TOLD
    return mistakes if rest <= 0 else [*mistakes[:MISTAKES_TOLD], f"and {rest} more mistakes"]


def _sorted_out(rows: Iterable[Row]) -> tuple[list[Product], list[str]]:
    lines: dict[str, int] = {}
    products: list[Product] = []
    mistakes: list[str] = []
    for line, row in rows:
        if isinstance(row, Mistakes):
            mistakes += (f"line {line}: {text}" for text in row.texts)
        elif row.sku in lines:
            mistakes.append(f"line {line}: {row.sku} stands on line {lines[row.sku]} already")
        elif len(products) == MAX_PRODUCTS:
            return products, [f"line {line}: more than {MAX_PRODUCTS} products; split the file"]
        else:
            lines[row.sku] = line
            products.append(row.to_product())
    return products, mistakes


def _json(lines: Iterable[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, _parse_json(line)


def _parse_json(line: str) -> ProductDefinition | Mistakes:
    try:
        return ProductDefinition.model_validate_json(line, strict=True)
    except ValidationError as error:
        return Mistakes(*told(error))


def _csv(lines: Iterable[str]) -> Iterator[Row]:
    rows = csv.DictReader(lines, strict=True, restval="")
    try:
        for row in rows:
            yield rows.line_num, _parse_csv(row)
    except csv.Error as error:
        yield rows.reader.line_num, Mistakes(str(error))


def _parse_csv(row: dict[str | None, str]) -> ProductDefinition | Mistakes:
    if None in row:
        return Mistakes("it has more cells than there are columns")
    given = {name: _number(text) if name == "price" else text for name, text in row.items() if text}
    try:
        return ProductDefinition.model_validate(given, strict=True)
    except ValidationError as error:
        return Mistakes(*told(error))


def _number(text: str) -> int | str:
    """The whole number; 19.90 stays as it is, and is refused: prices are in minor units."""
    return int(text) if text.isascii() and text.isdigit() else text
