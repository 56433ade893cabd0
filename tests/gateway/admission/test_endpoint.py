"""What the checkout answers by itself, before anything is asked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter

from gateway.admission.endpoint import CheckoutEndpoint
from gateway.counts import AdmissionCounts


@dataclass
class Checkout:
    """A request that is here."""

    id: str = "a-request"
    at: float = field(default_factory=perf_counter)
    url: bytes = b"/v1/sales/sale/checkout"
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""


def test_who_is_turned_away_is_told_so_and_counted() -> None:
    counts, told = AdmissionCounts(), []
    # Nobody is asked, neither for the stock nor for the token.
    endpoint = CheckoutEndpoint(None, None, counts)
    endpoint.turn_away(Checkout(), lambda *answer: told.append(answer))
    [(status, lines, body)] = told
    headers = dict(lines)
    assert status == 503
    assert json.loads(body)["code"] == "overloaded"
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"content-length"] == b"%d" % len(body)
    assert headers[b"retry-after"] in {b"1", b"2"}
    assert counts.outcomes == {"overloaded": 1}
