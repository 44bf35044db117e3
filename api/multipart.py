"""Reads a multipart body as a stream, with bounds on memory, on parts and on bytes.

A body that exceeds a bound is refused at once; `lingering_close` discards the rest of it.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from flask import Request, g
from gunicorn.http.errors import ParseException
from werkzeug.datastructures import Headers
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

from api.caller import client_socket, share
from api.folders import folder_of
from api.part_names import header_text, sent_name
from api.uploads import MAX_FILE_BYTES, Upload, UploadWriter
from shared.errors import InvalidFieldError, RequestTimeoutError, TooManyFilesError
from shared.naming import clean_original, quoted

MAX_FILES = 20
FILE_FIELDS = ("file", "watermarkFile")
MAX_WATERMARK_BYTES = 5 * 1024 * 1024
# All files at their largest, and 1 MiB for the fields and the headers of the parts.
MAX_BODY_BYTES = MAX_FILES * MAX_FILE_BYTES + MAX_WATERMARK_BYTES + 1024 * 1024

_MAX_PARTS = 200
_MAX_TEXT_BYTES = 16 * 1024
_MAX_NAME_CHARACTERS = 100  # that are kept of an unknown field's name
_CHUNK_BYTES = 128 * 1024
# Bytes that the decoder may keep: a part's headers, or a line that may become a boundary.
# Without this bound, endless headers would fill the memory.
_MAX_BUFFERED_BYTES = 64 * 1024

_BROKEN = "The request body is not valid multipart/form-data, or ends before its last boundary"

_TOO_SLOW = "The request body stopped arriving before it was complete; send the request again"


@dataclass(frozen=True)
class UnknownField:
    """A field that this API does not know; is_file: whether it came with a file name."""

    name: str
    is_file: bool


@dataclass
class Form:
    """The parts of a body, in their order; `ignored` has the unknown fields."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)
    ignored: list[UnknownField] = field(default_factory=list)

    def files(self, name: str) -> list[Upload]:
        """Returns the files of one field."""
        return [upload for upload in self.uploads if upload.field == name]


@contextmanager
def read_form(
    request: Request,
    known: Mapping[str, str],
    reserve_bytes: Callable[[int], None],
) -> Iterator[Form]:
    """Yields the form of the request; its files are deleted when the block ends.

    known: each accepted spelling and its field; any other part is skipped, and its name goes to
    `Form.ignored`. reserve_bytes: called with the number of bytes before each write to a file; it
    may raise.

    Raises InvalidFieldError where the body breaks the contract, RequestTimeoutError where the
    client sends too slowly, UnavailableError where the disk is full, Werkzeug's
    UnsupportedMediaType for a compressed body, and what `reserve_bytes` raises.
    """
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data" or not boundary:
        came = quoted(request.headers.get("Content-Type", ""))
        raise InvalidFieldError(
            f"Content-Type must be multipart/form-data with a boundary, not {came}"
        )
    with ExitStack() as stack:
        charset = request.mimetype_params.get("charset", "")
        decoder = _Decoder(boundary.encode("latin-1", "replace"), charset)
        reader = _Reader(stack, decoder, known, reserve_bytes)
        yield reader.read(request)


class _Decoder(MultipartDecoder):
    """Werkzeug's decoder, which refuses a body whose headers are not in UTF-8."""

    def __init__(self, boundary: bytes, charset: str) -> None:
        super().__init__(boundary, max_parts=_MAX_PARTS)
        self._charset = charset

    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        return super()._parse_headers(header_text(bytes(data), self._charset).encode())


class _Reader:
    def __init__(
        self,
        stack: ExitStack,
        decoder: MultipartDecoder,
        known: Mapping[str, str],
        reserve_bytes: Callable[[int], None],
    ) -> None:
        self._stack = stack
        self._known = known
        self._reserve_bytes = reserve_bytes
        self._decoder = decoder
        self._form = Form()
        self._part: _TextPart | _NamelessPart | _FilePart | _IgnoredPart | None = None

    def read(self, request: Request) -> Form:
        connection, gave_way = client_socket(), False
        if connection is not None:
            connection.await_body()
        try:
            for chunk in _chunks(request):
                self._feed(chunk)
            self._feed(None)  # the end; raises where the last boundary is missing
        finally:
            if connection is not None:  # many bodies may end at once
                gave_way = not connection.take_turn(share())
        if gave_way:
            raise InvalidFieldError(_BROKEN)
        return self._form

    def _feed(self, chunk: bytes | None) -> None:
        try:
            self._decoder.receive_data(chunk)
            while not isinstance(event := self._decoder.next_event(), NeedData | Epilogue):
                self._take(event)
        except RequestEntityTooLarge as error:
            raise InvalidFieldError(
                f"The request body has too many parts; send at most {_MAX_PARTS}"
            ) from error
        except (ValueError, HTTPException) as error:
            raise InvalidFieldError(_BROKEN) from error
        if len(self._decoder.buffer) > _MAX_BUFFERED_BYTES:
            raise InvalidFieldError(_BROKEN)

    def _take(self, event: Event) -> None:
        if isinstance(event, Field | File) and event.name not in self._known:
            self._part = _IgnoredPart(event.name or "", is_file=isinstance(event, File))
        elif isinstance(event, Field) and self._known[event.name] in FILE_FIELDS:
            self._part = _NamelessPart(event.name)
        elif isinstance(event, Field):
            self._part = _TextPart(event.name)
        elif isinstance(event, File):
            self._count_files(event.name or "")
            self._part = _FilePart(self._writer(event))
        elif isinstance(event, Data) and self._part is not None:
            self._part.write(event.data)
            if not event.more_data:
                self._part.finish(self._form)

    def _writer(self, file: File) -> UploadWriter:
        field, path = file.name or "", sent_name(file.headers["Content-Disposition"])
        folder = folder_of(path) if field == "file" else None
        name = clean_original(path)
        return UploadWriter(field, name, folder, self._stack, self._reserve_bytes)

    def _count_files(self, name: str) -> None:
        if name == "file" and len(self._form.files("file")) == MAX_FILES:
            raise TooManyFilesError(f"Maximum {MAX_FILES} images allowed per batch")
        if len(self._form.uploads) > MAX_FILES:  # the watermark is one more
            raise InvalidFieldError(
                f"The request body has more than {MAX_FILES + 1} files; "
                f"send at most {MAX_FILES} in file and one in watermarkFile"
            )


class _TextPart:
    def __init__(self, name: str) -> None:
        self._name = name
        self._data = bytearray()

    def write(self, data: bytes | bytearray) -> None:
        self._data += data
        if len(self._data) > _MAX_TEXT_BYTES:
            raise InvalidFieldError(
                f"{clean_original(self._name)} must be at most {_MAX_TEXT_BYTES} bytes long"
            )

    def finish(self, form: Form) -> None:
        try:
            form.fields.append((self._name, self._data.decode()))
        except UnicodeDecodeError:
            raise InvalidFieldError(f"{clean_original(self._name)} must be text in UTF-8") from None


class _NamelessPart:
    """A file without a file name, which is text by the standard; its content is skipped."""

    def __init__(self, name: str) -> None:
        self._name = name

    def write(self, data: bytes | bytearray) -> None:
        pass

    def finish(self, form: Form) -> None:
        form.fields.append((self._name, ""))


class _IgnoredPart:
    """A field that this API does not know; its content is skipped."""

    def __init__(self, name: str, *, is_file: bool) -> None:
        self._field = UnknownField(name[:_MAX_NAME_CHARACTERS], is_file)

    def write(self, data: bytes | bytearray) -> None:
        pass

    def finish(self, form: Form) -> None:
        form.ignored.append(self._field)


class _FilePart:
    def __init__(self, writer: UploadWriter) -> None:
        self.write = writer.write
        self._writer = writer

    def finish(self, form: Form) -> None:
        form.uploads.append(self._writer.finish())


def _chunks(request: Request) -> Iterator[bytes]:
    try:
        while chunk := request.stream.read(_CHUNK_BYTES):
            yield chunk
            # Lets other greenlets run: a fast upload never waits for its socket, and would block
            # all other clients of this process.
            time.sleep(0)
        g.body_was_read = True
    except (ClientDisconnected, ParseException) as error:
        # The stream raises one class for every socket error, which is its context.
        if isinstance(error.__context__, TimeoutError):
            raise RequestTimeoutError(_TOO_SLOW) from None
        raise InvalidFieldError(_BROKEN) from error
