"""Amazon SQS, and what speaks like it."""

import math
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final

import aiohttp
from aioboto3 import Session
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError
from yarl import URL

from consumer.triggers.queue_port import Message, QueueUnavailable
from storage.stores.s3_errors import settings_errors

if TYPE_CHECKING:
    from types_aiobotocore_sqs import SQSClient

# "Amazon SQS message quotas": a batch, a long poll and a visibility timeout have these limits.
_MOST_MESSAGES: Final = 10
_LONGEST_WAIT_S: Final = 20
_LONGEST_HIDDEN_S: Final = 12 * 3600
_REGION = re.compile(r"(?:^|\.)sqs(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?(?:amazonaws\.com|api\.aws)")
_DEFAULT_REGION = "us-east-1"
_CONNECT_TIMEOUT_S = 5
_ANSWER_TIMEOUT_S = 10
_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "SignatureDoesNotMatch"}
)


class SqsQueue:
    """One queue; a message is held by extending its visibility timeout, as long as its job takes.

    A message that is received again and again without being removed ends in the dead-letter queue of the
    queue's own redrive policy, if it has one.
    """

    acks_at_claim = False

    def __init__(self, client: "SQSClient", url: str) -> None:
        self.name = url.rpartition("/")[2]
        self._client = client
        self._url = url

    async def receive(self, *, most: int, wait_s: float, hold_s: float) -> Sequence[Message]:
        """Take up to `most` messages, ten at most, by a long poll of up to 20 s.

        One that arrives in the very moment in which this is cancelled is seen again after `hold_s`.
        """
        with _errors():
            answer = await self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(most, _MOST_MESSAGES),
                WaitTimeSeconds=min(math.ceil(wait_s), _LONGEST_WAIT_S),
                VisibilityTimeout=_seconds(hold_s),
            )
        return [
            Message(receipt=taken["ReceiptHandle"], body=taken["Body"])
            for taken in answer.get("Messages", ())
        ]

    async def ack(self, message: Message) -> None:
        """Delete a message."""
        with _errors():
            await self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt)

    async def put_back(self, message: Message, delay_s: float) -> None:
        """Let a message be seen again after `delay_s`, twelve hours at most."""
        await self.hold(message, delay_s)

    async def hold(self, message: Message, hold_s: float) -> None:
        """Keep a message unseen for `hold_s` from now, twelve hours at most."""
        with _errors():
            await self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=message.receipt, VisibilityTimeout=_seconds(hold_s)
            )


@asynccontextmanager
async def open_sqs(url: str) -> AsyncIterator[SqsQueue]:
    """Open the queue at `url`, with the SDK's own credentials (environment, profile, role).

    Raises StoreUnusable where the SDK cannot work with its settings.
    """
    address = URL(url)
    region = _REGION.search(address.host or "")
    config = AioConfig(
        proxies={},
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_LONGEST_WAIT_S + _ANSWER_TIMEOUT_S,
        retries={"total_max_attempts": 1},  # the trigger asks again, and says why
    )
    async with AsyncExitStack() as stack:
        with settings_errors():
            client = await stack.enter_async_context(
                Session().client(
                    "sqs",
                    endpoint_url=str(address.origin()),
                    region_name=region[1] if region else _DEFAULT_REGION,
                    config=config,
                )
            )
        yield SqsQueue(client, url)


def _seconds(seconds: float) -> int:
    return math.ceil(max(0, min(seconds, _LONGEST_HIDDEN_S)))


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _DENIED:
            raise QueueUnavailable(
                f"The SQS queue refused these credentials ({code}); check AWS_ACCESS_KEY_ID or the "
                "role, and that it may receive, delete and change the visibility of messages."
            ) from error
        if "NonExistentQueue" in code or "QueueDoesNotExist" in code:
            raise QueueUnavailable("There is no such SQS queue; check SWAPDROP_QUEUE.") from error
        raise QueueUnavailable(f"The SQS queue refused a request ({code}).") from error
    except (BotoCoreError, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise QueueUnavailable(f"The SQS queue did not answer ({type(error).__name__}).") from error
