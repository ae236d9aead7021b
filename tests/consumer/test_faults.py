"""Faults: every error the packages may raise has a code of the contract and says who is at fault."""

import errno
import random
from typing import get_args

import pytest

import models.errors
import pipeline.errors
import storage.errors
from consumer.faults import judge, retry_delay_s
from pipeline.errors import EnhancerUnavailable
from storage.records.status import ErrorCode

ERRORS = sorted(
    {
        item
        for module in (models.errors, pipeline.errors, storage.errors)
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, Exception)
    },
    key=lambda item: item.__name__,
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda item: item.__name__)
def test_every_error_has_a_code_of_the_contract_and_a_sentence(error: type[Exception]) -> None:
    fault = judge(error(), stage="decode")
    assert fault.code in get_args(ErrorCode)
    assert fault.kind == error.kind  # type: ignore[attr-defined] # of each base class
    assert fault.message.endswith((".", "!"))
    assert fault.stage == "decode"


@pytest.mark.parametrize(
    "error", [MemoryError(), OSError(errno.ENOSPC, "full"), OSError(errno.EDQUOT, "full")]
)
def test_a_full_machine_is_not_the_senders_fault(error: Exception) -> None:
    fault = judge(error, stage="decode")
    assert (fault.kind, fault.code) == ("transient", "internal")
    assert "ran out of" in fault.message


def test_a_sender_is_not_told_which_of_our_files_is_missing() -> None:
    fault = judge(EnhancerUnavailable("`restore.onnx` is missing."), stage="download")
    assert "restore.onnx" not in fault.message
    assert fault.reason == "`restore.onnx` is missing."


def test_an_unforeseen_error_keeps_its_text_out_of_the_status() -> None:
    fault = judge(ValueError("/secret/path"), stage="swap")
    assert (fault.kind, fault.code) == ("transient", "internal")
    assert "/secret/path" not in fault.message


def test_retries_wait_longer_each_time_and_never_for_ever() -> None:
    rng = random.Random(1)
    delays = [retry_delay_s(attempt, rng) for attempt in range(1, 12)]
    assert 2 <= delays[0] <= 3
    assert 4 <= delays[1] <= 6
    assert all(60 <= delay <= 90 for delay in delays[5:])
