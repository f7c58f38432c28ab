"""The server of the checks built on `websockets`. ../README.md describes its paths."""

import asyncio
import contextlib
import http
import sys
from urllib.parse import parse_qsl, urlsplit

import websockets
from websockets.asyncio.server import serve

from payloads import fragments, trade_text
from process_bounds import end_with_input, report, tls_context

MAX_MESSAGE_SIZE = 16 * 1024 * 1024
KNOWN_SUBPROTOCOLS = ["interop.v2", "interop.v1"]


async def echo(connection, query):
    async for message in connection:
        await connection.send(message)


async def send_fragments(connection, query):
    is_text, parts = fragments(query)

    async def parts_with_a_ping():
        for index, part in enumerate(parts):
            if index == 1:
                await connection.ping("between")
            yield part

    await connection.send(parts_with_a_ping(), text=is_text)


async def burst(connection, query):
    for sequence in range(int(query["count"])):
        await connection.send(trade_text(sequence))


async def ping(connection, query):
    pong = await connection.ping(query["payload"])
    await pong
    # The library assigns a pong to a ping by its payload, so the received payload is the sent one.
    report("pong", id=query["id"], payload=query["payload"])


async def close(connection, query):
    await connection.send("the last message")
    await connection.close(int(query["code"]), query["reason"])


PATHS = {"/echo": echo, "/fragments": send_fragments, "/burst": burst, "/ping": ping, "/close": close}


def choose_subprotocol(connection, offered):
    return next((name for name in KNOWN_SUBPROTOCOLS if name in offered), None)


def refuse(connection, request):
    if not request.path.startswith("/refuse"):
        return None
    response = connection.respond(http.HTTPStatus.UNAUTHORIZED, "no token, no feed")
    response.headers["WWW-Authenticate"] = 'Bearer realm="interop"'
    return response


async def handle(connection):
    request = connection.request
    url = urlsplit(request.path)
    query = dict(parse_qsl(url.query))
    names = {name.lower() for name in request.headers}
    report(
        "open",
        id=query["id"],
        headers={name: ", ".join(request.headers.get_all(name)) for name in names},
        subprotocol=connection.subprotocol or "",
        compression="permessage-deflate" in connection.response.headers.get("Sec-WebSocket-Extensions", ""),
    )
    with contextlib.suppress(websockets.ConnectionClosed):
        await PATHS[url.path](connection, query)
    await connection.wait_closed()
    report("closed", id=query["id"], code=connection.close_code, reason=connection.close_reason)


async def main():
    options = {
        "select_subprotocol": choose_subprotocol,
        "process_request": refuse,
        "max_size": MAX_MESSAGE_SIZE,
        "ping_interval": None,
    }
    tls = tls_context(*sys.argv[1:3])
    async with (
        serve(handle, "127.0.0.1", 0, **options) as deflating,
        serve(handle, "127.0.0.1", 0, compression=None, **options) as plain,
        serve(handle, "127.0.0.1", 0, ssl=tls, **options) as secure,
    ):
        ports = [server.sockets[0].getsockname()[1] for server in (deflating, plain, secure)]
        library = f"websockets {websockets.__version__}"
        report("listening", library=library, port=ports[0], plainPort=ports[1], tlsPort=ports[2])
        await end_with_input()


asyncio.run(main())
