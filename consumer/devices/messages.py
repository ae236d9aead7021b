"""Messages between a process of ours and one that it has started: pickled, each after its length.

They are unpickled as they come: both ends are this program, of one user, on one machine.
"""

import asyncio
import pickle
import struct
from typing import Any, Final

_LENGTH: Final = struct.Struct("!Q")


def packed(message: object) -> bytes:
    """A message as it is sent; raises what pickle raises for what cannot be."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


async def receive(reader: asyncio.StreamReader) -> Any:  # noqa: ANN401 -- whatever the other end has sent
    """The next message; raises asyncio.IncompleteReadError where the other end is gone."""
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    return pickle.loads(await reader.readexactly(length))  # noqa: S301 -- from a process of our own
