"""What `product list` tells."""

import sys
from collections.abc import Sequence
from dataclasses import asdict

from pydantic_core import to_json
from rich.console import Console
from rich.table import Table

from sql.products import Product


def print_products(found: Sequence[Product], *, as_json: bool) -> None:
    """Print them for a person or for a program."""
    if as_json:
        sys.stdout.write(to_json([asdict(each) for each in found], indent=2).decode() + "\n")
        return
    table = Table("sku", "name", "price (minor units)", "description", "image")
    table.columns[2].justify = "right"
    for each in found:
        table.add_row(
            each.sku, each.name, str(each.price), each.description or "", each.image_url or ""
        )
    Console().print(table)
