"""A time stamping authority on this machine (RFC 3161), which OpenSSL does the work of."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.certificates import Hierarchy, Wanted, issue
from tests.support.local_stack import needs_tools

_CONFIG = """
[tsa]
default_tsa = here
[here]
dir = {folder}
serial = $dir/serial
signer_cert = $dir/stamper.pem
certs = $dir/authority.pem
signer_key = $dir/stamper.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
"""


@contextmanager
def stamping(folder: Path, made: Hierarchy) -> Iterator[str]:
    """Serve time stamps by a certificate of a hierarchy's authority; gives the address."""
    needs_tools("openssl")
    stamper = issue(
        Wanted(name="Test Stamper", purposes=(ExtendedKeyUsageOID.TIME_STAMPING,)), made.authority
    )
    (folder / "stamper.pem").write_text(stamper.pem)
    (folder / "stamper.key").write_bytes(stamper.key_pem)
    (folder / "authority.pem").write_text(made.authority.pem)
    (folder / "serial").write_text("01")
    (folder / "tsa.cnf").write_text(_CONFIG.format(folder=folder))

    class Stamper(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = folder / "asked.tsq"
            asked.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            command = [
                "openssl",
                "ts",
                "-reply",
                "-config",
                str(folder / "tsa.cnf"),
                "-queryfile",
                str(asked),
            ]
            reply = subprocess.run(command, check=True, capture_output=True).stdout
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            """Tests say themselves what went wrong."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Stamper) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
