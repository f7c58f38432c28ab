"""Functions that all server processes share: report events, load the TLS certificate, end with the parent process."""

import asyncio
import json
import os
import ssl
import sys


def report(event, **details):
    print(json.dumps({"event": event, **details}), flush=True)


def tls_context(certificate_file, key_file):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    return context


async def end_with_input():
    """Ends the process when its standard input ends. It does not wait for open connections."""
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)
