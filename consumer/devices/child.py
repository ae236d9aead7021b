"""`python -m consumer.devices.child`: a process that does one order after the other; see `processes`.

Its standard input brings orders and is its lifeline: when that ends, whoever started it is dead or needs it
no more, and it ends at once, whatever it does. Signals of a terminal or a service manager are not for it.
"""

import asyncio
import os
import signal
from functools import partial
from typing import Any, Final, NoReturn

from consumer.devices.messages import packed, portable, receive
from consumer.devices.processes import READ_BYTES, Answer, Worker

_STDIN: Final = 0
_STDOUT: Final = 1
_STDERR: Final = 2


async def serve() -> NoReturn:
    """Do what is ordered until standard input ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    answers = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)  # whatever a library prints is no answer
    reader = asyncio.StreamReader(limit=READ_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(_STDIN, "rb")
    )
    made = await _next(reader)
    worker: Worker[Any, Any, Any] = made()
    coming = asyncio.create_task(_next(reader))
    while True:
        order = await coming
        coming = asyncio.create_task(_next(reader))  # beside the work, so that the end is seen
        try:
            answer = Answer(done=await worker.do(order, partial(_tell, answers)))
        except Exception as error:  # noqa: BLE001 -- handed to whoever gave the order
            answer = Answer(failed=portable(error, "a process of its own"))
        _send(answers, answer)
        del order, answer


async def _next(reader: asyncio.StreamReader) -> Any:  # noqa: ANN401 -- see `receive`
    try:
        return await receive(reader)
    except asyncio.IncompleteReadError:
        os._exit(0)  # threads that are at work must not be waited for


def _tell(answers: int, told: object) -> None:
    _send(answers, Answer(told=told))


def _send(answers: int, answer: Answer) -> None:
    left = memoryview(packed(answer))
    while left:
        left = left[os.write(answers, left) :]


if __name__ == "__main__":
    asyncio.run(serve())
