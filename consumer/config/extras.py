"""How an installation gets the packages of an extra."""

import re
import shlex
import sys
from importlib import metadata


def how_to_add(extra: str) -> str:
    """The command that adds an extra's packages to the environment that this process runs in.

    It never names swapdrop itself, which is in no index: whoever registered the name would be installed. It
    brings none of what insightface asks for either, a second OpenCV among it (docs/install.md).
    """
    wanted = re.compile(rf"""(?P<package>[^;]+);.*extra == ['"]{re.escape(extra)}['"]""")
    found = [wanted.fullmatch(line) for line in metadata.requires("swapdrop") or ()]
    packages = [match["package"].strip() for match in found if match is not None]
    return shlex.join(["uv", "pip", "install", "--python", sys.prefix, *packages])
