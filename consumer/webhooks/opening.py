"""The calls to senders as the settings say it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

from pydantic import SecretStr

from consumer.webhooks.sender import Webhooks
from consumer.webhooks.signing import read_secret


def open_webhooks(
    secret: SecretStr | None, *, observe: Callable[[str], None]
) -> AbstractAsyncContextManager[Webhooks | None]:
    """What calls senders, signed with `secret`; None where there is none, as nobody is called then."""
    if secret is None:
        return nullcontext()
    return Webhooks(read_secret(secret.get_secret_value()), observe=observe)
