"""What the calls on one reservation share: which one it is, whose, and how it is told."""

import time
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from gateway.finder import Found
from gateway.identity import Customer
from gateway.problems import UNKNOWN_RESERVATION, Refusal


def reservation_id(request: Request) -> UUID:
    """The id in the path. Raises a Refusal for what is none."""
    return parse_id(request.path_params["id"])


def parse_id(text: str) -> UUID:
    """An id that a client sent. Raises a Refusal for what is none."""
    try:
        return UUID(text)
    except ValueError as error:
        raise Refusal(UNKNOWN_RESERVATION) from error


def check_owner(found: Found, caller: object) -> None:
    """Another customer's reservation is unknown, so that ids tell nothing. Raises a Refusal."""
    if isinstance(caller, Customer) and caller.digest != found.customer:
        raise Refusal(UNKNOWN_RESERVATION)


def answer(found: Found) -> Response:
    """The reservation as the body of a 200."""
    return json_answer(found.reservation.to_json(int(time.time() * 1000)))


def json_answer(body: bytes) -> Response:
    """What concerns one customer is for no cache."""
    return Response(body, media_type="application/json", headers={"cache-control": "no-store"})
