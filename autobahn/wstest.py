"""Starts the suite's server on Python 2.7, for ws:// on 127.0.0.1 alone."""
import os
import sys
import threading
import types
import warnings

warnings.filterwarnings("ignore")

# The suite imports its own `wstest` by a relative import: this file must not be found in its place.
here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != here]

# The suite imports twisted's TLS module, which needs pyOpenSSL; ws:// never calls it.
try:
    import OpenSSL  # noqa: F401
except ImportError:
    import twisted.internet

    class NoTLS(object):
        def __init__(self, *positional, **named):
            raise RuntimeError("there is no TLS here: only ws:// works")

    ssl = types.ModuleType("twisted.internet.ssl")
    ssl.supported = False
    ssl.ClientContextFactory = NoTLS
    ssl.DefaultOpenSSLContextFactory = NoTLS
    ssl.optionsForClientTLS = NoTLS
    sys.modules["twisted.internet.ssl"] = ssl
    twisted.internet.ssl = ssl

# Only a mode that is not used here wants unittest2.
try:
    import unittest2  # noqa: F401
except ImportError:
    import unittest
    sys.modules["unittest2"] = unittest

sys.stdout = os.fdopen(sys.stdout.fileno(), "w", 1)

from autobahntestsuite import fuzzing, wstest  # noqa: E402
from twisted.internet import reactor  # noqa: E402

listen_everywhere = reactor.listenTCP


def listen_here(port, factory, backlog=50, interface=""):
    return listen_everywhere(port, factory, backlog=backlog, interface="127.0.0.1")


reactor.listenTCP = listen_here

# The JSON files are all that is read; the suite's HTML costs about as much time again.
fuzzing.FuzzingFactory.createReports.__func__.__defaults__ = (False, True)


def end_with_parent():
    """Standard input ends when the process that started this one is gone, however it went."""
    # Not by sys.stdin, whose lock would keep the interpreter from ending on SIGTERM.
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    watch = threading.Thread(target=end_with_parent)
    watch.daemon = True
    watch.start()
    wstest.run()
