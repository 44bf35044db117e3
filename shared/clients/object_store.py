"""The object store: MinIO, or any other server that speaks the S3 protocol.

Keys are ours alone: `<batch>/in/<index>`, `<batch>/in/watermark`, `<batch>/in/preview-<token>.jpg`,
`<batch>/out/<token>.<format>`. All objects of a batch share one prefix, so those of a lost worker
are deleted with the batch.
"""

import logging
from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import BoundedSemaphore
from typing import IO, BinaryIO, Protocol, cast
from urllib.parse import urlsplit
from uuid import UUID
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.commonconfig import CopySource
from minio.deleteobjects import DeleteObject
from minio.error import MinioException

from shared.clients import tls
from shared.clients.store_faults import code_of, reason
from shared.errors import ObjectMissingError, StoreError
from shared.imagetype import ImageType
from shared.naming import content_disposition
from shared.settings import Settings

logger = logging.getLogger(__name__)

# Each holds its object in memory: 20 MB at most.
_PUTS_AT_ONCE = 4

PROBE_KEY = "fluximage-check"  # cannot be a batch's prefix, which is a UUID
_MISSING = {"NoSuchKey", "ResourceNotFound"}


def original_key(batch_id: UUID, index: int) -> str:
    """The key of an original."""
    return f"{batch_id}/in/{index}"


def watermark_key(batch_id: UUID) -> str:
    """The key of a batch's watermark."""
    return f"{batch_id}/in/watermark"


def preview_key(batch_id: UUID, token: UUID) -> str:
    """The key of the preview that the claim with that token wrote."""
    return f"{batch_id}/in/preview-{token}.jpg"


def inputs_prefix(batch_id: UUID) -> str:
    """The prefix of what is deleted when the batch has ended, apart from what a retry needs."""
    return f"{batch_id}/in/"


def batch_prefix(batch_id: UUID) -> str:
    """The prefix of all that is stored of the batch, which is deleted when its outputs expire."""
    return f"{batch_id}/"


def output_key(batch_id: UUID, token: UUID, format: ImageType) -> str:
    """The key of the output of the claim with that token; no other claim writes to it."""
    return f"{batch_id}/out/{token}.{format.value}"


@dataclass(frozen=True)
class Patience:
    """How long one attempt may go without a byte, and how often it is retried."""

    read_seconds: float
    retries: int


_PATIENT = Patience(read_seconds=20, retries=3)
_IMPATIENT = Patience(read_seconds=2, retries=0)


class ObjectStore(Protocol):
    """What the service needs of a store. Every method raises StoreError when the store is down."""

    def put(self, key: str, data: IO[bytes], size: int, content_type: str) -> None:
        """Stores `size` bytes, all or nothing."""

    def get(self, key: str) -> bytes:
        """The bytes of an object; raises ObjectMissingError when it does not exist."""

    def copy(self, key: str, copy_key: str) -> None:
        """Copies an object within the store; raises ObjectMissingError when it does not exist."""

    def get_part(self, key: str, offset: int, length: int) -> bytes:
        """At most `length` bytes of an object from `offset` on, which must lie within it.

        Raises ObjectMissingError when the object does not exist.
        """

    def delete_prefix(self, prefix: str, kept: Collection[str] = ()) -> None:
        """Deletes every object whose key begins with the prefix, if any, but not the kept keys."""

    def delete(self, *keys: str) -> None:
        """Deletes objects, as far as they exist; at most 1,000."""

    def list_batches(self) -> Iterator[str]:
        """The first part of every key, once each."""

    def last_modified(self, prefix: str) -> datetime | None:
        """When the newest object below the prefix was written; None when there is none."""

    def sign(self, key: str, file_name: str, seconds: int) -> str:
        """A URL that downloads the object under `file_name` until `seconds` have passed."""

    def prepare(self) -> None:
        """Creates the bucket if it is missing."""

    def ping(self) -> None:
        """Raises StoreError when the store or its bucket cannot be reached."""


class S3Store:
    """An ObjectStore over the S3 protocol."""

    def __init__(self, settings: Settings) -> None:
        """Opens no connection yet; signing never does."""
        self._bucket = settings.s3_bucket
        self._client = _client(settings, settings.s3_endpoint, _PATIENT)
        # For `ping`: a store that hangs counts as down.
        self._prober = _client(settings, settings.s3_endpoint, _IMPATIENT)
        self._puts = BoundedSemaphore(_PUTS_AT_ONCE)
        # The host is part of the signature, and clients use the public one.
        public = settings.s3_public_endpoint or settings.s3_endpoint
        self._signer = _client(settings, public, _PATIENT)

    def put(self, key: str, data: IO[bytes], size: int, content_type: str) -> None:
        """See ObjectStore."""
        with self._puts, _errors():
            # In one part, which is what the client holds in memory: an object has 20 MB at most.
            self._client.put_object(
                self._bucket,
                key,
                cast(BinaryIO, data),
                size,
                content_type,
                part_size=max(size, 5 * 1024**2),
            )

    def get(self, key: str) -> bytes:
        """See ObjectStore."""
        return self.get_part(key, 0, 0)

    def get_part(self, key: str, offset: int, length: int) -> bytes:
        """See ObjectStore."""
        with _errors():
            response = self._client.get_object(self._bucket, key, offset, length)
            try:
                return response.read()
            finally:
                response.close()
                response.release_conn()

    def copy(self, key: str, copy_key: str) -> None:
        """See ObjectStore."""
        try:
            with _errors():
                self._client.copy_object(self._bucket, copy_key, CopySource(self._bucket, key))
        except ObjectMissingError:
            # Said by a HEAD, whose answer has no body and may mean the bucket or the proxy.
            self.get(key)
            raise

    def delete_prefix(self, prefix: str, kept: Collection[str] = ()) -> None:
        """See ObjectStore."""
        with _errors():
            found = self._client.list_objects(self._bucket, prefix, recursive=True)
            self._delete(o.object_name for o in found if o.object_name not in kept)

    def delete(self, *keys: str) -> None:
        """See ObjectStore."""
        with _errors():
            if len(keys) == 1:
                self._client.remove_object(self._bucket, keys[0])
            else:
                self._delete(keys)

    def _delete(self, keys: Iterable[str | None]) -> None:
        objects = (DeleteObject(key) for key in keys if key)
        for fault in self._client.remove_objects(self._bucket, objects):
            raise StoreError(f"The object store kept an object: {fault.code}")

    def list_batches(self) -> Iterator[str]:
        """See ObjectStore."""
        with _errors():
            for entry in self._client.list_objects(self._bucket):
                if entry.object_name:
                    yield entry.object_name.partition("/")[0]

    def last_modified(self, prefix: str) -> datetime | None:
        """See ObjectStore."""
        with _errors():
            found = self._client.list_objects(self._bucket, prefix, recursive=True)
            return max((o.last_modified for o in found if o.last_modified), default=None)

    def sign(self, key: str, file_name: str, seconds: int) -> str:
        """See ObjectStore."""
        return self._signer.presigned_get_object(
            self._bucket,
            key,
            expires=timedelta(seconds=seconds),
            response_headers={"response-content-disposition": content_disposition(file_name)},
            request_date=datetime.now(UTC),
        )

    def prepare(self) -> None:
        """See ObjectStore."""
        with _errors():
            try:
                self._list_nothing(self._client)
            except MinioException as error:
                if code_of(error) != "NoSuchBucket":
                    raise
                self._make_bucket()

    def ping(self) -> None:
        """See ObjectStore."""
        with _errors():
            self._list_nothing(self._prober)

    def is_versioned(self) -> bool:
        """Whether the bucket keeps deleted objects as old versions."""
        with _errors():
            return self._client.get_bucket_versioning(self._bucket).status == "Enabled"

    def _list_nothing(self, client: Minio) -> None:
        # An answer to HEAD has no body, which says whether it is the bucket, a right or a key.
        for _ in client.list_objects(self._bucket, PROBE_KEY):
            return

    def _make_bucket(self) -> None:
        try:
            self._client.make_bucket(self._bucket)
        except MinioException as error:
            if code_of(error) != "BucketAlreadyOwnedByYou":  # another process was first
                raise


def _client(settings: Settings, endpoint: str, patience: Patience) -> Minio:
    address = urlsplit(endpoint)
    return Minio(
        address.netloc,
        settings.s3_access_key.get_secret_value(),
        settings.s3_secret_key.get_secret_value(),
        secure=address.scheme == "https",
        region=settings.s3_region,  # else the client asks the server for it
        http_client=urllib3.PoolManager(
            maxsize=16,
            ssl_context=tls.context(settings.ca_file) if address.scheme == "https" else None,
            timeout=urllib3.Timeout(connect=2, read=patience.read_seconds),
            retries=urllib3.Retry(
                connect=patience.retries,
                status=patience.retries,
                other=patience.retries,
                read=0,  # else each retry would wait for a server that hangs
                backoff_factor=0.2,
                status_forcelist=[500, 502, 503, 504],
                # MinIO asks for one or two minutes, which is longer than a task or a client waits.
                respect_retry_after_header=False,
            ),
        ),
    )


@contextmanager
def _errors() -> Generator[None]:
    try:
        yield
    except (
        *(MinioException, urllib3.exceptions.HTTPError, OSError),
        *(ParseError, UnicodeDecodeError),  # of an answer that is no S3 server's
    ) as error:
        # Not by the status 404: a missing bucket, and a proxy without the store behind it, are
        # outages, which end no image.
        if code_of(error) in _MISSING:
            raise ObjectMissingError("The object is not in the store") from error
        # For the operator: a wrong secret looks like an outage to clients.
        why = reason(error)
        logger.warning("the object store failed: %s", why)
        message = "The object store is not available, try again shortly"
        raise StoreError(message, why) from error
