"""An inbox for each test."""

import pytest

from tests.support.inboxes import Drop


@pytest.fixture
def drop() -> Drop:
    return Drop()
