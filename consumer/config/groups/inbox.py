"""How jobs are found, claimed, kept and given up."""

from typing import ClassVar, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from consumer.config.group import SettingsGroup
from consumer.config.queue_address import QueueAddress, parse_queue
from storage.lease.claim import LeasePolicy


class InboxSettings(SettingsGroup):
    """The inbox or queue, and the leases of jobs."""

    title: ClassVar = "Jobs"

    lease_ttl_s: float = Field(
        default=90, ge=1, le=3600, description="a job without a heartbeat for this long is taken over"
    )
    stall_timeout_s: float = Field(
        default=120,
        ge=1,
        le=3600,
        description="work on a job that stands still for this long is given up; a device that does, hangs",
    )
    max_attempts: int = Field(default=3, ge=1, le=100, description="attempts before a job is given up")
    poll_min_s: float = Field(default=0.25, ge=0.01, le=60, description="pause between looks at a busy inbox")
    poll_max_s: float = Field(default=5, ge=0.01, le=3600, description="pause between looks at an idle inbox")
    settle_s: float = Field(
        default=2, ge=0, le=60, description="a dropped folder counts once nothing changed for this long"
    )
    queue: str | None = Field(
        default=None,
        description="queue that announces jobs: the URL of an SQS queue, or cloudflare:<account>/<queue id>",
    )
    queue_token: SecretStr | None = Field(
        default=None, description="API token of the Cloudflare queue; SQS takes the SDK's own credentials"
    )
    sweep_s: float = Field(
        default=60,
        ge=0.01,
        le=3600,
        description="pause between looks at the inbox where a queue announces jobs",
    )

    @field_validator("queue")
    @classmethod
    def _names_a_queue(cls, value: str | None) -> str | None:
        if value is not None:
            parse_queue(value)
        return value

    @model_validator(mode="after")
    def _pauses_in_order(self) -> Self:
        if self.poll_min_s > self.poll_max_s:
            raise ValueError("SWAPDROP_POLL_MIN_S must not be more than SWAPDROP_POLL_MAX_S")
        return self

    @model_validator(mode="after")
    def _queue_can_be_reached(self) -> Self:
        address = self.queue_address
        if address is not None and address.kind == "cloudflare" and self.queue_token is None:
            raise ValueError("A Cloudflare queue needs a token; set SWAPDROP_QUEUE_TOKEN")
        return self

    @property
    def queue_address(self) -> QueueAddress | None:
        """Where the queue is, if there is one."""
        return parse_queue(self.queue) if self.queue is not None else None

    def lease_policy(self) -> LeasePolicy:
        """The lease's times; with a short `lease_ttl_s` its margins shrink along."""
        usual, ttl_s = LeasePolicy(), self.lease_ttl_s
        return LeasePolicy(
            ttl_s=ttl_s,
            grace_s=min(usual.grace_s, ttl_s / 6),
            margin_s=min(usual.margin_s, ttl_s / 6),
            min_write_gap_s=min(usual.min_write_gap_s, ttl_s / 3),
            cancel_look_s=min(usual.cancel_look_s, ttl_s / 3),
            max_attempts=self.max_attempts,
            stall_timeout_s=self.stall_timeout_s,
        )
