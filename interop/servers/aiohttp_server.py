"""The server of the checks built on `aiohttp`. ../README.md describes its paths."""

import asyncio
import struct
import sys

import aiohttp
from aiohttp import web

from payloads import fragments, trade_text
from process_bounds import end_with_input, report, tls_context

MAX_MESSAGE_SIZE = 16 * 1024 * 1024
KNOWN_SUBPROTOCOLS = ["interop.v2", "interop.v1"]
CONTINUATION, TEXT, BINARY = 0, 1, 2


async def echo(ws, request, message):
    if message.type is aiohttp.WSMsgType.TEXT:
        await ws.send_str(message.data)
    elif message.type is aiohttp.WSMsgType.BINARY:
        await ws.send_bytes(message.data)


def frame_header(is_final, opcode, size):
    first = (0x80 if is_final else 0) | opcode
    if size < 126:
        return struct.pack("!BB", first, size)
    if size < 65_536:
        return struct.pack("!BBH", first, 126, size)
    return struct.pack("!BBQ", first, 127, size)


async def send_fragments(ws, request):
    """Writes frames to the transport, because aiohttp has no call that sends a message in fragments."""
    is_text, parts = fragments(request.query)
    for index, part in enumerate(parts):
        opcode = CONTINUATION if index > 0 else TEXT if is_text else BINARY
        if index == 1:
            await ws.ping(b"between")
        request.transport.write(frame_header(index == len(parts) - 1, opcode, len(part)) + part)


async def burst(ws, request):
    for sequence in range(int(request.query["count"])):
        await ws.send_str(trade_text(sequence))


async def ping(ws, request):
    await ws.ping(request.query["payload"].encode())


async def close(ws, request):
    await ws.send_str("the last message")
    await ws.close(code=int(request.query["code"]), message=request.query["reason"].encode())


async def report_pong(ws, request, message):
    if message.type is aiohttp.WSMsgType.PONG:
        report("pong", id=request.query["id"], payload=message.data.decode())
    elif message.type is aiohttp.WSMsgType.PING:
        await ws.pong(message.data)


async def ignore(*_):
    pass


# For each path: the function called once after the handshake, and the function called for each message.
PATHS = {
    "/echo": (ignore, echo),
    "/fragments": (send_fragments, ignore),
    "/burst": (burst, ignore),
    "/ping": (ping, report_pong),
    "/close": (close, ignore),
}


async def handle(request, compression):
    if request.path == "/refuse":
        headers = {"WWW-Authenticate": 'Bearer realm="interop"'}
        return web.Response(status=401, text="no token, no feed", headers=headers)
    ws = web.WebSocketResponse(
        protocols=KNOWN_SUBPROTOCOLS,
        compress=compression,
        max_msg_size=MAX_MESSAGE_SIZE,
        # With autoping aiohttp does not pass pongs to the program.
        autoping=request.path != "/ping",
    )
    await ws.prepare(request)
    headers = {name.lower(): ", ".join(request.headers.getall(name)) for name in request.headers}
    identity = request.query["id"]
    report("open", id=identity, headers=headers, subprotocol=ws.ws_protocol or "", compression=bool(ws.compress))
    begin, take = PATHS[request.path]
    await begin(ws, request)
    reason = ""
    while not ws.closed:
        message = await ws.receive()
        if message.type is aiohttp.WSMsgType.CLOSE:
            reason = message.extra
        await take(ws, request, message)
    report("closed", id=identity, code=ws.close_code, reason=reason)
    return ws


async def listen(compression, tls=None):
    server = web.Server(lambda request: handle(request, compression))
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    return runner.addresses[0][1]


async def main():
    port = await listen(True)
    plain_port = await listen(False)
    tls_port = await listen(True, tls_context(*sys.argv[1:3]))
    library = f"aiohttp {aiohttp.__version__}"
    report("listening", library=library, port=port, plainPort=plain_port, tlsPort=tls_port)
    await end_with_input()


asyncio.run(main())
