"""The contract of an object store: the real one and the fake pass it alike."""

import io
import time
from uuid import uuid4

import pytest

from infra.chaos.store_proxy import Mode, StoreProxy
from shared.clients.object_store import ObjectStore, S3Store
from shared.errors import ObjectMissingError, StoreError
from shared.services import Services
from shared.settings import load
from tests.support.memory_store import MemoryStore


@pytest.fixture(params=["s3", "memory"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    made: ObjectStore = (
        request.getfixturevalue("unit_services").store if request.param == "s3" else MemoryStore()
    )
    made.prepare()
    return made


def put(store: ObjectStore, key: str, data: bytes = b"bytes") -> None:
    store.put(key, io.BytesIO(data), len(data), "application/octet-stream")


def test_what_was_put_is_what_one_gets(store: ObjectStore) -> None:
    key = f"{uuid4()}/in/0"
    for data in (bytes(range(256)) * 50_000, b""):
        put(store, key, data)
        assert store.get(key) == data


def test_a_part_is_what_lies_there(store: ObjectStore) -> None:
    key = f"{uuid4()}/in/0"
    put(store, key, bytes(range(100)))
    assert store.get_part(key, 0, 10) == bytes(range(10))
    assert store.get_part(key, 90, 20) == bytes(range(90, 100))
    with pytest.raises(ObjectMissingError):
        store.get_part(f"{uuid4()}/in/0", 0, 10)


def test_a_second_put_replaces_the_first(store: ObjectStore) -> None:
    key = f"{uuid4()}/in/0"
    put(store, key, b"first")
    put(store, key, b"second")
    assert store.get(key) == b"second"


def test_a_missing_object_is_told_apart_from_a_store_that_is_down(store: ObjectStore) -> None:
    with pytest.raises(ObjectMissingError):
        store.get(f"{uuid4()}/in/0")


def test_deleting_what_is_not_there_is_no_error(store: ObjectStore) -> None:
    store.delete(f"{uuid4()}/in/0")
    store.delete_prefix(f"{uuid4()}/")


def test_a_prefix_is_deleted_with_all_below_it_and_nothing_beside_it(store: ObjectStore) -> None:
    batch = str(uuid4())
    for key in (f"{batch}/in/0", f"{batch}/in/1", f"{batch}/out/0"):
        put(store, key)
    store.delete_prefix(f"{batch}/in/")
    assert store.get(f"{batch}/out/0") == b"bytes"
    with pytest.raises(ObjectMissingError):
        store.get(f"{batch}/in/1")


def test_the_kept_keys_below_a_prefix_stay(store: ObjectStore) -> None:
    batch = str(uuid4())
    for key in (f"{batch}/in/0", f"{batch}/in/1"):
        put(store, key)
    store.delete_prefix(f"{batch}/in/", {f"{batch}/in/0"})
    assert store.get(f"{batch}/in/0") == b"bytes"
    with pytest.raises(ObjectMissingError):
        store.get(f"{batch}/in/1")


def test_a_copy_lives_longer_than_what_was_copied(store: ObjectStore) -> None:
    key, copy_key = f"{uuid4()}/out/0", f"{uuid4()}/out/0"
    put(store, key)
    store.copy(key, copy_key)
    store.delete(key)
    assert store.get(copy_key) == b"bytes"


def test_what_is_missing_is_not_copied(store: ObjectStore) -> None:
    with pytest.raises(ObjectMissingError):
        store.copy(f"{uuid4()}/in/0", f"{uuid4()}/in/0")


def test_a_copy_in_a_bucket_that_is_missing_is_an_outage(unit_services: Services) -> None:
    store = S3Store(unit_services.settings.model_copy(update={"s3_bucket": "no-such-bucket"}))
    with pytest.raises(StoreError) as raised:
        store.copy(f"{uuid4()}/in/0", f"{uuid4()}/in/0")
    assert not isinstance(raised.value, ObjectMissingError)


def test_batches_are_listed_once_each(store: ObjectStore) -> None:
    batch = str(uuid4())
    put(store, f"{batch}/in/0")
    put(store, f"{batch}/out/0")
    assert list(store.list_batches()).count(batch) == 1


def test_the_newest_object_below_a_prefix_tells_its_age(store: ObjectStore) -> None:
    batch = str(uuid4())
    assert store.last_modified(f"{batch}/") is None
    put(store, f"{batch}/in/0")
    assert store.last_modified(f"{batch}/") is not None


def test_preparing_twice_keeps_what_is_there(store: ObjectStore) -> None:
    key = f"{uuid4()}/in/0"
    put(store, key)
    store.prepare()
    assert store.get(key) == b"bytes"


def test_a_store_that_is_down_says_so() -> None:
    down = load(
        {
            "REDIS_URL": "redis://unused",
            "DATABASE_URL": "postgresql://unused",
            "S3_ENDPOINT": "http://127.0.0.1:1",  # nobody listens there
            "S3_ACCESS_KEY": "unused",
            "S3_SECRET_KEY": "unused",
        }
    )
    with pytest.raises(StoreError, match="not available"):
        S3Store(down).ping()


def test_a_store_that_is_busy_is_not_waited_for_as_long_as_it_asks(
    unit_environment: dict[str, str],
) -> None:
    with StoreProxy(unit_environment["S3_ENDPOINT"]) as proxy:
        store = S3Store(load(unit_environment | {"S3_ENDPOINT": proxy.url}))
        proxy.turn(Mode.REFUSE)
        started = time.monotonic()
        with pytest.raises(StoreError):
            store.get("some/key")
    assert time.monotonic() - started < 10
