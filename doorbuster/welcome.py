"""What `up` prints once everything answers: where to click, and a line to paste."""

import json
from uuid import uuid4

from doorbuster.connection import FILE_NAME
from doorbuster.demo_sale import SALE_ID, SKU
from doorbuster.development import token_for
from doorbuster.settings import Settings


def welcome(url: str, settings: Settings, *, buyable: bool) -> str:
    """Return the lines. The curl line is admitted as it stands: token, key and cart are real."""
    demo = [
        f"  the demo sale     {url}/",
        f"  its stock, live   curl -N {url}/v1/sales/{SALE_ID}/events",
    ]
    paste = ["Buy something:", "", _checkout(url, settings), ""] if buyable else []
    return "\n".join([
        f"Doorbuster is up at {url}",
        "",
        *(demo if settings.demo else []),
        f"  for operators     {url}/console",
        f"  keys and servers  {settings.state_dir / FILE_NAME}",
        "",
        *paste,
        "Ctrl-C stops everything; what it knows is kept.",
    ])  # fmt: skip


def _checkout(url: str, settings: Settings) -> str:
    token = token_for(f"visitor-{uuid4().hex[:8]}", settings)
    cart = json.dumps({"lines": [{"sku": SKU, "quantity": 1}]})
    return (
        f"curl -i {url}/v1/sales/{SALE_ID}/checkout -H 'Authorization: Bearer {token}' "
        f"-H 'Idempotency-Key: {uuid4()}' -H 'Content-Type: application/json' -d '{cart}'"
    )
