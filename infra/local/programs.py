"""What the local stack runs, and with what settings: the page's build, the Worker, the consumer."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from consumer.supervisor import COMMAND
from infra.local.process import Program

ROOT: Final = Path(__file__).parents[2]
WORKER: Final = ROOT / "infra" / "worker"
MODULES: Final = WORKER / "node_modules"
HOST: Final = "127.0.0.1"

_NODE: Final = MODULES / "node" / "bin" / "node"  # wrangler needs a newer one than many systems have
_VITE: Final = MODULES / "vite" / "bin" / "vite.js"
_WRANGLER: Final = MODULES / "wrangler" / "bin" / "wrangler.js"
_SETTINGS: Final = ("SWAPDROP_", "R2_", "AWS_", "S3_")  # the stack is the same whatever is configured here


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The ports of the Worker and of the consumer's health, and the folder of the bucket and the logs.

    `variables` are set in the Worker in place of those of wrangler.jsonc, each as `NAME:value`. With
    `signing`, a folder of `swapdrop provenance init`, results are signed and the page trusts them.
    """

    port: int
    health_port: int
    data: Path
    variables: Sequence[str] = ()
    signing: Path | None = None

    @property
    def url(self) -> str:
        """The page's address; the HTTP interface is below it."""
        return f"http://{HOST}:{self.port}"

    @property
    def worker_health(self) -> str:
        """What answers 200 once the Worker and its bucket are there."""
        return f"{self.url}/health"

    @property
    def consumer_health(self) -> str:
        """What answers 200 once the consumer takes jobs."""
        return f"http://{HOST}:{self.health_port}/readyz"

    def page(self, *, watch: bool = False) -> Program:
        """The build of the page, into the folder that the Worker serves; `watch` builds what changes anew."""
        words = ["build", "--watch"] if watch else ["build"]
        trust = {} if self.signing is None else {"SWAPDROP_C2PA_TRUST": str(self.signing / "root.pem")}
        return self._of_node("page", _VITE, *words, **trust)

    def worker(self) -> Program:
        """The Worker on its local bucket; it takes changed sources and pages up by itself."""
        where = ["--ip", HOST, "--port", str(self.port), "--inspector-port", "0"]
        variables = [word for variable in self.variables for word in ("--var", variable)]
        words = ["dev", "--local", *where, "--persist-to", str(self.data), *variables]
        return self._of_node("worker", _WRANGLER, *words)

    def consumer(self) -> Program:
        """A consumer with the embedded engine on the Worker's bucket."""
        return Program(
            name="consumer",
            command=COMMAND,
            folder=ROOT,
            environ=_environ() | self._consumer_settings(),
            log=self.data / "consumer.log",
        )

    def _consumer_settings(self) -> dict[str, str]:
        return {
            "R2_ENDPOINT_URL": f"{self.url}/cdn-cgi/local/r2/s3",
            "R2_BUCKET": "swapdrop",
            "R2_ACCESS_KEY_ID": "local",
            "R2_SECRET_ACCESS_KEY": "local-secret",
            "SWAPDROP_ADDRESSING": "path",
            "SWAPDROP_ENGINE": "mesh",
            "SWAPDROP_OFFLINE": "true",
            "SWAPDROP_HEALTH_PORT": str(self.health_port),
            "SWAPDROP_POLL_MAX_S": "0.5",  # looks at a local bucket cost nothing
            "SWAPDROP_DRAIN_GRACE_S": "2",  # whoever presses Ctrl-C waits; the job goes on at the next start
            **self._signing_settings(),
        }

    def _signing_settings(self) -> dict[str, str]:
        if self.signing is None:
            return {}
        files = {"CHAIN": "chain.pem", "KEY": "key.pem", "TRUST": "root.pem"}
        return {f"SWAPDROP_C2PA_{name}": str(self.signing / file) for name, file in files.items()}

    def _of_node(self, name: str, script: Path, *words: str, **settings: str) -> Program:
        path = os.pathsep.join([str(_NODE.parent), os.environ.get("PATH", "")])
        quiet = {
            "CI": "1",  # asks nothing
            "CLOUDFLARE_CF_FETCH_ENABLED": "false",
            "WRANGLER_HIDE_BANNER": "true",  # with it goes the look for newer versions
            "WRANGLER_SEND_METRICS": "false",
            "XDG_CONFIG_HOME": str(self.data / "config"),
        }
        return Program(
            name=name,
            command=[str(_NODE), str(script), *words],
            folder=WORKER,
            environ={**_environ(), **quiet, **settings, "PATH": path},
            log=self.data / f"{name}.log",
        )


def _environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
