"""This is what telemock is measured against: an aiohttp handler that answers the same and keeps nothing."""

import sys

import uvloop
from aiohttp import web


async def ping(_request: web.Request) -> web.Response:
    return web.Response(body=b"cribl /// living the stream!\n", headers={"Content-Type": "text/html; charset=utf-8"})


async def events(request: web.Request) -> web.Response:
    return web.json_response({"status": "accepted", "count": len(await request.json())})


app = web.Application()
app.router.add_get("/telemetry/index.html", ping)
app.router.add_post("/telemetry/events", events)
uvloop.install()
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
