"""`doorbuster product`: import and list."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Import and list products.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


class Order(StrEnum):
    """How the list is sorted; a minus sign turns it around."""

    SKU = "sku"
    SKU_DOWN = "-sku"
    NAME = "name"
    NAME_DOWN = "-name"
    PRICE = "price"
    PRICE_DOWN = "-price"


@app.command("import")
def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            help="JSON, one product a line; or .csv, with the names of its columns on top.",
            show_default=False,
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Create products, or change them to what the file says: all of them, or none.

    A product has sku and price, in minor units, and may have name, description and image_url. One
    that the file does not name stays as it is. The same file twice changes nothing.
    """
    from doorbuster.product_file import read_product_file
    from doorbuster.product_import import import_products, print_imported
    from doorbuster.servers import with_servers

    products = read_product_file(file)
    imported = with_servers(lambda servers: import_products(servers, products, file))
    print_imported(imported, as_json=as_json)


@app.command("list")
def list_products(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, at most.")] = 100,
    after: Annotated[
        str | None, typer.Option(metavar="SKU", help="Begin after this product.")
    ] = None,
    sort: Annotated[Order, typer.Option(help="In which order.")] = Order.SKU,
    as_json: AsJson = False,
) -> None:
    """List products."""
    from doorbuster.product_list import print_products
    from doorbuster.servers import with_servers
    from sql import products

    order = products.Order(sort)
    found = with_servers(
        lambda servers: products.page(servers.database, order, after=after, offset=0, count=limit)
    )
    print_products(found, as_json=as_json)
