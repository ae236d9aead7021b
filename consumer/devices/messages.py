"""Messages between a process of ours and one that it has started: pickled, each after its length.

They are unpickled as they come: both ends are this program, of one user, on one machine.
"""

import asyncio
import pickle
import struct
import traceback
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


def portable(error: Exception, where: str) -> Exception:
    """An error that comes out of a pickle as it went in, with a note of where it was raised."""
    note = f"Raised in {where}:\n{''.join(traceback.format_exception(error)).rstrip()}"
    try:
        found = pickle.loads(pickle.dumps(error))  # noqa: S301 -- just made
    except Exception:  # noqa: BLE001 -- of whatever kind: it cannot be sent
        found = None
    sent = error if type(found) is type(error) else RuntimeError(f"{type(error).__name__}: {error}")
    sent.add_note(note)
    return sent
