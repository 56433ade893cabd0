"""The smallest Starlette application: one route, and the same answer for everybody."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def hello(_: Request) -> JSONResponse:
    return JSONResponse({"hello": "world"}, 201)


app = Starlette(routes=[Route("/v1/sales/{sale_id}/checkout", hello, methods=["POST"])])
