"""The conditions of writes are tried out: what is ignored is named, what is sound passes, R2 too."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from storage.errors import PreconditionFailed, StorageError, StoreThrottled, StoreUnavailable, StoreUnusable
from storage.stores.conditions import check_conditions, ignored_conditions
from storage.stores.memory_store import MemoryStore
from storage.stores.s3_settings import S3Settings
from tests.support.buckets import keys_below


class Store(MemoryStore):
    """A store that counts its calls; `ignores` and `own_etags` make it one of the unsound ones."""

    def __init__(self, *, ignores: str | None = None, own_etags: bool = True) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()
        self._ignores = ignores
        self._own_etags = own_etags

    async def put(self, key: str, body: bytes, **options: Any) -> str:  # noqa: ANN401 -- passes on
        self.calls["put"] += 1
        if self._ignores:
            options[self._ignores] = None
        if not self._own_etags and options.get("if_match"):
            raise PreconditionFailed
        return await super().put(key, body, **options)

    async def delete(self, keys: Any) -> None:  # noqa: ANN401 -- passes on
        self.calls["delete"] += 1
        await super().delete(keys)


class OneWriteASecond(Store):
    """R2: a second write to a key within a second is answered with 429, whatever its conditions."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.refused = 0
        self._last_s: dict[str, float] = {}

    async def put(self, key: str, body: bytes, **options: Any) -> str:  # noqa: ANN401 -- passes on
        last_s, self._last_s[key] = self._last_s.get(key, -9.0), self.now_s
        if self.now_s - last_s < 1:
            self.refused += 1
            raise StoreThrottled
        return await super().put(key, body, **options)

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        await asyncio.sleep(0)


async def test_a_sound_store_passes_with_few_calls_and_nothing_stays() -> None:
    store = Store()
    assert await ignored_conditions(store) == []
    assert store.calls == {"put": 6, "delete": 1}
    assert await keys_below(store, "") == []


@pytest.mark.parametrize(
    ("store", "named"),
    [
        (Store(ignores="if_none_match"), "If-None-Match"),
        (Store(ignores="if_match"), "If-Match"),
        (Store(own_etags=False), "the ETag it gave out itself"),
    ],
)
async def test_what_is_ignored_is_named_and_nothing_stays(store: Store, named: str) -> None:
    with pytest.raises(StoreUnusable, match=f"The storage of 'lab' ignores {named},"):
        await check_conditions(store, "lab")
    assert await keys_below(store, "") == []


async def test_one_write_a_second_to_a_key_is_kept_where_it_is_known_to_be_all() -> None:
    store = OneWriteASecond()
    pause_s = S3Settings(bucket="lab", endpoint_url="https://abc.r2.cloudflarestorage.com").key_pause_s
    assert await ignored_conditions(store, pause_s=pause_s, sleep=store.sleep) == []
    assert (store.refused, store.calls["put"]) == (0, 6)


async def test_a_store_that_asks_for_patience_is_given_it() -> None:
    store = OneWriteASecond()
    assert S3Settings(bucket="lab", endpoint_url="https://pictures.example").key_pause_s == 0
    assert await ignored_conditions(store, sleep=store.sleep) == []
    assert store.refused > 0


async def test_patience_has_an_end() -> None:
    class Busy(Store):
        async def put(self, key: str, body: bytes, **options: Any) -> str:  # noqa: ANN401, ARG002 -- as the port
            self.calls["put"] += 1
            raise StoreThrottled

    store = Busy()
    with pytest.raises(StoreThrottled):
        await ignored_conditions(store, sleep=lambda _s: asyncio.sleep(0))
    assert store.calls["put"] <= 12


@pytest.mark.parametrize(
    ("error", "expected"), [(StorageError, StoreUnusable), (StoreUnavailable, StoreUnavailable)]
)
async def test_a_store_that_knows_no_conditions_is_told_from_one_that_is_away(
    error: type[StorageError], expected: type[StorageError]
) -> None:
    class Refusing(Store):
        async def put(self, key: str, body: bytes, **options: Any) -> str:  # noqa: ANN401, ARG002 -- as the port
            raise error

    with pytest.raises(StorageError) as caught:
        await check_conditions(Refusing(), "lab")
    assert type(caught.value) is expected
