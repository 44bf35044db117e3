"""Reading a multipart body as a stream: bounded in memory, in parts and in bytes.

What is past a limit is refused at once; the server then discards the rest.
"""

import time
from collections.abc import Callable, Container, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from flask import Request, g
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import (
    ClientDisconnected,
    HTTPException,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)
from werkzeug.sansio.multipart import (
    Data,
    Epilogue,
    Event,
    Field,
    File,
    MultipartDecoder,
    NeedData,
)

from api.uploads import MAX_FILE_BYTES, Arriving, Upload
from shared.errors import InvalidFieldError, RequestTimeoutError
from shared.naming import clean_original

MAX_FILES = 20
MAX_WATERMARK_BYTES = 5 * 1024 * 1024
# Every legal file, and room for the fields and the parts' own headers.
MAX_BODY_BYTES = MAX_FILES * MAX_FILE_BYTES + MAX_WATERMARK_BYTES + 1024 * 1024

_MAX_PARTS = 200
_MAX_TEXT_BYTES = 16 * 1024
_CHUNK_BYTES = 128 * 1024
# What the decoder may hold back: a part's headers, or a line that may become a boundary.
# Without a bound, headers without end would fill the memory.
_MAX_HELD_BYTES = 64 * 1024

_BROKEN = "The body is not complete multipart/form-data"


@dataclass
class Form:
    """What a body held, in its order."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def files(self, name: str) -> list[Upload]:
        """The files of one field."""
        return [upload for upload in self.uploads if upload.field == name]


@contextmanager
def read_form(
    request: Request, known: Container[str], stall_seconds: int, hold: Callable[[int], None]
) -> Iterator[Form]:
    """The form of the request; its files are deleted when the block ends.

    Of fields that are not `known` only the name is kept. `hold` is called with every number of
    bytes before a file keeps them, and may raise.

    Raises InvalidFieldError for what the contract refuses, RequestTimeoutError when the client
    sends nothing for `stall_seconds`, UnavailableError when the disk is full, what `hold` raises,
    and werkzeug's UnsupportedMediaType for a compressed body.
    """
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data" or not boundary:
        raise InvalidFieldError("The body must be multipart/form-data with a boundary")
    with ExitStack() as stack:
        reader = _Reader(stack, boundary.encode("latin-1", "replace"), known, hold)
        yield reader.read(request, stall_seconds)


class _Reader:
    def __init__(
        self,
        stack: ExitStack,
        boundary: bytes,
        known: Container[str],
        hold: Callable[[int], None],
    ) -> None:
        self._stack = stack
        self._known = known
        self._hold = hold
        self._decoder = MultipartDecoder(boundary, max_parts=_MAX_PARTS)
        self._form = Form()
        self._part: _TextPart | _FilePart | _IgnoredPart | None = None

    def read(self, request: Request, stall_seconds: int) -> Form:
        for chunk in _chunks(request, stall_seconds):
            self._feed(chunk)
        self._feed(None)  # the end: raises where the last boundary has not come
        return self._form

    def _feed(self, chunk: bytes | None) -> None:
        try:
            self._decoder.receive_data(chunk)
            while not isinstance(event := self._decoder.next_event(), NeedData | Epilogue):
                self._take(event)
        except RequestEntityTooLarge as error:
            raise InvalidFieldError(f"The body has more than {_MAX_PARTS} parts") from error
        except (ValueError, HTTPException) as error:
            raise InvalidFieldError(_BROKEN) from error
        if len(self._decoder.buffer) > _MAX_HELD_BYTES:
            raise InvalidFieldError(_BROKEN)

    def _take(self, event: Event) -> None:
        if isinstance(event, Field | File) and event.name not in self._known:
            self._part = _IgnoredPart(event.name or "")
        elif isinstance(event, Field):
            self._part = _TextPart(event.name or "")
        elif isinstance(event, File):
            self._count_files(event.name or "")
            name = clean_original(event.filename)
            self._part = _FilePart(Arriving(event.name or "", name, self._stack, self._hold))
        elif isinstance(event, Data) and self._part is not None:
            self._part.write(event.data)
            if not event.more_data:
                self._part.finish(self._form)

    def _count_files(self, name: str) -> None:
        if name == "file" and len(self._form.files("file")) == MAX_FILES:
            raise InvalidFieldError(f"Maximum {MAX_FILES} images allowed per batch")
        if len(self._form.uploads) > MAX_FILES:  # with its watermark a batch has one more
            raise InvalidFieldError(f"The body has more than {MAX_FILES + 1} files")


class _TextPart:
    def __init__(self, name: str) -> None:
        self._name = name
        self._data = bytearray()

    def write(self, data: bytes | bytearray) -> None:
        self._data += data
        if len(self._data) > _MAX_TEXT_BYTES:
            raise InvalidFieldError(
                f"The field {clean_original(self._name)} is longer than {_MAX_TEXT_BYTES} bytes"
            )

    def finish(self, form: Form) -> None:
        try:
            form.fields.append((self._name, self._data.decode()))
        except UnicodeDecodeError:
            raise InvalidFieldError(
                f"The field {clean_original(self._name)} must be UTF-8 text"
            ) from None


class _IgnoredPart:
    """A field that this API does not know: read over, whatever it holds."""

    def __init__(self, name: str) -> None:
        self._name = name

    def write(self, data: bytes | bytearray) -> None:
        pass

    def finish(self, form: Form) -> None:
        form.ignored.append(self._name)


class _FilePart:
    def __init__(self, arriving: Arriving) -> None:
        self.write = arriving.write
        self._arriving = arriving

    def finish(self, form: Form) -> None:
        form.uploads.append(self._arriving.finish())


def _chunks(request: Request, stall_seconds: int) -> Iterator[bytes]:
    connection = request.environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(stall_seconds)
    try:
        while chunk := request.stream.read(_CHUNK_BYTES):
            yield chunk
            # Lets other greenlets run: an upload that always has more to read never waits
            # for its socket, and would hold up everyone else in this process.
            time.sleep(0)
        g.body_was_read = True
    except (ClientDisconnected, ParseException) as error:
        # The stream gives every error of the socket one name, and keeps it behind that.
        if isinstance(error.__context__, TimeoutError):
            raise RequestTimeoutError("The body stopped arriving before it was complete") from None
        raise InvalidFieldError(_BROKEN) from error
    finally:
        if connection is not None:
            connection.settimeout(None)
