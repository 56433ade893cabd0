"""What `up` prints once everything answers: where to click, and a line to paste."""

import json
from uuid import uuid4

from doorbuster.demo_sale import SALE_ID, SKU
from doorbuster.development import token_for
from doorbuster.settings import Settings


def welcome(url: str, settings: Settings, *, buyable: bool) -> str:
    """Return the lines. The curl line is admitted as it stands: token, key and cart are real."""
    lines = [
        f"Doorbuster is up at {url}/",
        "",
        f"  API          {url}/openapi.json",
        f"  connection   {settings.state_dir / 'connection.json'} (keys and servers' URLs)",
    ]
    if buyable:
        lines += ["", "Buy something:", "", _curl(url, settings)]
    return "\n".join([*lines, "", "Ctrl-C stops everything; what it knows is kept."])


def _curl(url: str, settings: Settings) -> str:
    token = token_for(f"visitor-{uuid4().hex[:8]}", settings)
    cart = json.dumps({"lines": [{"sku": SKU, "quantity": 1}]})
    return (
        f"curl -i {url}/v1/sales/{SALE_ID}/checkout -H 'Authorization: Bearer {token}' "
        f"-H 'Idempotency-Key: {uuid4()}' -H 'Content-Type: application/json' -d '{cart}'"
    )
