"""The bucket as the command line sees it: opened from the settings, with errors that name the next step."""

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import typer

from consumer.config.environment import load_settings
from consumer.config.extras import how_to_add
from consumer.config.group import SettingsError
from consumer.config.settings import Settings
from consumer.runtime.decisions import ALL_CHECKS, told_to
from storage.audit import AuditLog
from storage.errors import StorageError, StoreUnavailable, StoreUnusable
from storage.stores.port import ObjectStore
from storage.upkeep.stranded import Told

T = TypeVar("T")


def settings_or_exit(given: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; a faulty environment ends the command with exit code 2 and says what is wrong.

    `given` are variables that go before it.
    """
    with faults_told():
        return load_settings(given=given)


def with_bucket(work: Callable[[ObjectStore], Awaitable[T]]) -> T:
    """Run `work` on the configured bucket; storage errors become one sentence and exit code 1."""
    with faults_told():
        s3 = load_settings().s3()

    from storage.stores.s3_store import open_s3_store  # noqa: PLC0415 - slow to import, and `run` does without

    async def opened() -> T:
        async with open_s3_store(s3) as store:
            return await work(store)

    try:
        return asyncio.run(opened())
    except StoreUnusable as error:
        raise fail(str(error), code=2) from None
    except StoreUnavailable as error:
        raise fail(f"{error}\n`swapdrop doctor` checks the bucket and its settings.") from None
    except StorageError as error:
        raise fail(str(error)) from None


def audited(store: ObjectStore, *, by: str) -> Told:
    """What writes the audit log's line of a job that a command, `by`, has ended, where a log is kept."""
    owner = f"{by.replace(' ', '-')}-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    audit = AuditLog(store, owner) if load_settings().audit else None
    return told_to(audit, owner=owner, on=lambda: ALL_CHECKS)


@contextmanager
def faults_told() -> Iterator[None]:
    """End the command with exit code 2 and a sentence where the settings cannot work."""
    try:
        yield
    except StoreUnusable as error:
        raise fail(str(error), code=2) from None
    except SettingsError as error:
        raise fail(f"{error}\n`swapdrop config` shows every setting.", code=2) from None


def needs_extra(extra: str, missing: ModuleNotFoundError) -> Exception:
    """The exit to raise where an extra is not installed; `missing` itself where it is another module."""
    if missing.name is None or missing.name.partition(".")[0] != extra:
        return missing
    return fail(f"This command needs the extra `{extra}`: {how_to_add(extra)}", code=2)


def fail(message: str, code: int = 1) -> typer.Exit:
    """Print a message for people on standard error and give the exit to raise."""
    typer.secho(message, err=True, fg=typer.colors.RED)
    return typer.Exit(code)
