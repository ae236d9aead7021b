"""A local S3 server that forgets everything when it ends, for the demo and the tests."""

import argparse
import io
import logging
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from consumer.children import python_command
from consumer.config.extras import how_to_add

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_WRITES = frozenset({"PUT", "POST", "DELETE"})
_STOP_TIMEOUT_S = 5


class LocalS3Unavailable(RuntimeError):
    """The local S3 server cannot be run; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class LocalS3:
    """How to reach a local S3 server; any key pair is good for it."""

    endpoint_url: str
    access_key_id: str = "local"
    secret_access_key: str = "local"  # noqa: S105 - the server checks no signatures


@contextmanager
def run_local_s3() -> Iterator[LocalS3]:
    """Run the server in its own process on a free loopback port; it ends with the block or with us.

    Raises:
        LocalS3Unavailable: the server's packages are not installed, or it did not start.
    """
    if not all(find_spec(name) for name in ("moto", "flask", "flask_cors")):
        raise LocalS3Unavailable(f"The local S3 server is of the extra `demo`: {how_to_add('demo')}")
    command = python_command("consumer.cli.local_s3")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own module
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            if not port.isdigit():
                raise LocalS3Unavailable("The local S3 server did not start; what it said is above.")
            yield LocalS3(endpoint_url=f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(_STOP_TIMEOUT_S)


class SerialisedWrites:
    """Lets one write at a time through, because moto checks a condition and writes in two steps."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app
        self._lock = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request (WSGI)."""
        # What names a target is for another service than S3, and a long poll must not hold the lock.
        if environ["REQUEST_METHOD"] not in _WRITES or "HTTP_X_AMZ_TARGET" in environ:
            return self._app(environ, start_response)
        if not environ.get("wsgi.input_terminated"):  # a slow sender must not hold the lock
            length = int(environ.get("CONTENT_LENGTH") or 0)
            environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
        with self._lock:
            return list(self._app(environ, start_response))


def serve(port: int) -> None:
    """Serve S3 on loopback until standard input ends, which it does when the parent process is gone."""
    # Imported here: the parent process only wants `run_local_s3`, and these take a second to load.
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - see above
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server  # noqa: PLC0415 - see above

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    app: Any = SerialisedWrites(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one and prints it")
    serve(parser.parse_args().port)
