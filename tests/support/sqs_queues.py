"""SQS queues on moto's server, fed by its buckets if wanted."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from botocore.config import Config
from botocore.session import get_session

from storage import keys
from storage.stores.s3_settings import S3Settings
from tests.support.s3_servers import plain_client

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests-secret"}
_COUNTED = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@dataclass(frozen=True, kw_only=True)
class TestQueue:
    """A queue with a dead-letter queue behind it, looked at without the code under test."""

    __test__ = False

    client: Any
    url: str
    arn: str
    dead_url: str

    def send(self, body: object) -> None:
        """Send a message, as JSON unless it is text."""
        text = body if isinstance(body, str) else json.dumps(body)
        self.client.send_message(QueueUrl=self.url, MessageBody=text)

    def left(self) -> int:
        """How many messages there are, seen and unseen."""
        shown = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=[*_COUNTED])
        return sum(int(shown["Attributes"][name]) for name in _COUNTED)

    def dead(self) -> list[str]:
        """Bodies in the dead-letter queue; taking them does not remove them."""
        taken = self.client.receive_message(
            QueueUrl=self.dead_url, MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return [message["Body"] for message in taken.get("Messages", [])]

    def announce_inbox(self, s3: S3Settings) -> None:
        """Let a bucket send its inbox events here; its first message is a test event."""
        rule = {"Key": {"FilterRules": [{"Name": "prefix", "Value": keys.INBOX}]}}
        wanted = {"QueueArn": self.arn, "Events": ["s3:ObjectCreated:*"], "Filter": rule}
        plain_client(s3).put_bucket_notification_configuration(
            Bucket=s3.bucket, NotificationConfiguration={"QueueConfigurations": [wanted]}
        )


@contextmanager
def sqs_queue(server: S3Settings, *, most_receives: int = 5) -> Iterator[TestQueue]:
    """A fresh queue on the server, and credentials for it in the environment."""
    client = _client(server.endpoint_url)
    name = f"jobs-{secrets.token_hex(4)}"
    dead_url, dead_arn = _create(client, f"{name}-dead")
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": most_receives})
    url, arn = _create(client, name, RedrivePolicy=redrive)
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in CREDENTIALS.items():
            patch.setenv(variable, value)
        yield TestQueue(client=client, url=url, arn=arn, dead_url=dead_url)


@cache
def _client(endpoint_url: str) -> Any:  # noqa: ANN401 -- botocore makes its methods at run time
    return get_session().create_client(
        "sqs",
        endpoint_url=endpoint_url,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
        config=Config(proxies={}, retries={"total_max_attempts": 1}),
    )


def _create(client: Any, name: str, **attributes: str) -> tuple[str, str]:  # noqa: ANN401 -- botocore's client
    url = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    shown = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, shown["Attributes"]["QueueArn"]
