"""An object store in memory: real code that passes the contract suite of the real one.

It can be told to be down, which a real server does not do on demand.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import IO

from shared.errors import ObjectMissingError, StoreError
from shared.services import Services


class MemoryStore:
    """See shared.clients.object_store.ObjectStore. `down` makes every call raise StoreError."""

    def __init__(self) -> None:
        self.down = False
        self._objects: dict[str, tuple[bytes, datetime]] | None = None

    def put(self, key: str, data: IO[bytes], size: int, content_type: str) -> None:
        content = data.read(size)
        if len(content) != size:
            raise StoreError(f"{content_type} object {key} is short")
        self._bucket()[key] = (content, datetime.now(UTC))

    def get(self, key: str) -> bytes:
        try:
            return self._bucket()[key][0]
        except KeyError:
            raise ObjectMissingError("The object is not in the store") from None

    def get_part(self, key: str, offset: int, length: int) -> bytes:
        return self.get(key)[offset : offset + length]

    def delete(self, *keys: str) -> None:
        for key in keys:
            self._bucket().pop(key, None)

    def copy(self, key: str, copy_key: str) -> None:
        self._bucket()[copy_key] = (self.get(key), datetime.now(UTC))

    def delete_prefix(self, prefix: str, kept: Collection[str] = ()) -> None:
        for key in [key for key in self._bucket() if key.startswith(prefix)]:
            if key not in kept:
                self.delete(key)

    def list_batches(self) -> Iterator[str]:
        yield from {key.partition("/")[0]: None for key in self._bucket()}

    def last_modified(self, prefix: str) -> datetime | None:
        written = [at for key, (_, at) in self._bucket().items() if key.startswith(prefix)]
        return max(written, default=None)

    def size(self) -> int:
        """The bytes of all objects."""
        return sum(len(content) for content, _ in self._bucket().values())

    def sign(self, key: str, file_name: str, seconds: int) -> str:
        return f"memory:{key}?{file_name}&{seconds}"

    def prepare(self) -> None:
        self._objects = self._objects or {}

    def ping(self) -> None:
        self._bucket()

    def _bucket(self) -> dict[str, tuple[bytes, datetime]]:
        if self.down or self._objects is None:
            raise StoreError("The object store is not available, try again shortly")
        return self._objects


def with_memory_store(services: Services, store: MemoryStore | None = None) -> Services:
    """The services over a store in memory, which starts empty."""
    store = store or MemoryStore()
    store.prepare()
    return replace(services, store=store)
