"""What every server process does besides serving: tell what it sees, and end with its parent."""

import asyncio
import json
import os
import ssl
import sys


def tell(event, **details):
    print(json.dumps({"event": event, **details}), flush=True)


def tls_context(certificate_file, key_file):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    return context


async def end_with_input():
    """Ends the process when its standard input does; connections that are still open are not waited for."""
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)
