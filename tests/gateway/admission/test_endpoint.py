"""What the checkout answers by itself, before anything is asked."""

import json
from time import perf_counter

from gateway.admission.endpoint import CheckoutEndpoint
from gateway.at_once import Arrived
from gateway.counts import AdmissionCounts


def test_who_is_turned_away_is_told_so_and_counted() -> None:
    counts, told = AdmissionCounts(), []
    # Nobody is asked, neither for the stock nor for the token.
    endpoint = CheckoutEndpoint(None, None, counts)
    arrived = Arrived("a-request", perf_counter(), b"/v1/sales/sale/checkout", {}, b"")
    endpoint.turn_away(arrived, lambda *answer: told.append(answer))
    [(status, lines, body)] = told
    headers = dict(lines)
    assert status == 503
    assert json.loads(body)["code"] == "overloaded"
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"content-length"] == b"%d" % len(body)
    assert headers[b"retry-after"] in {b"1", b"2"}
    assert counts.outcomes == {"overloaded": 1}
