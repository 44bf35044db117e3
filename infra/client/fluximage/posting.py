"""POST /api/compress: one batch."""

import threading
from collections.abc import Callable, Sequence

from fluximage import answers
from fluximage.answers import Batch
from fluximage.calls import Calls, Parts
from fluximage.errors import Temporary
from fluximage.options import Options
from fluximage.sources import Source
from fluximage.upload import UPLOAD_BROKEN, Measured, UploadBroken, UploadFile, unreadable

_BINARY = "application/octet-stream"


def post(
    calls: Calls,
    files: Sequence[Source | Measured],
    options: Options,
    *,
    session_id: str | None = None,
    idempotency_key: str | None = None,
    wait_seconds: int | None = 0,
    on_upload: Callable[[int], None] | None = None,
    stop: threading.Event | None = None,
    gives_up: Callable[[], bool] | None = None,
    own_connection: bool = False,
) -> Batch:
    """Sends one batch and returns its state; raises what Calls.ask does, and SourceFailed.

    A file that is given as Measured is compared with it. on_upload: the bytes of files that were
    sent, negative where they have to be sent again. gives_up: asked, each time the
    line has broken while the files were sent, whether to raise UploadBroken. own_connection: what
    cuts a connection after some bytes counts those of earlier requests on it too.
    """
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    headers |= {"Connection": "close"} if own_connection else {}
    if wait_seconds is not None:
        headers["Prefer"] = f"respond-async, wait={wait_seconds}" if wait_seconds else _AT_ONCE
    with _Attempts(files, options, on_upload, stop, gives_up) as attempts:
        try:
            _, body = calls.ask(
                "POST",
                "/api/compress",
                repeat=idempotency_key is not None,
                stop=stop,
                headers=headers,
                form=options.form() | ({"sessionId": session_id} if session_id else {}),
                parts=attempts.parts,
            )
        except Temporary as error:
            raise attempts.last(error) from None
    return answers.batch(body)


_AT_ONCE = "respond-async"


class _Attempts:
    """The files of a form, opened anew for each attempt, closed after the last."""

    def __init__(
        self,
        files: Sequence[Source | Measured],
        options: Options,
        on_upload: Callable[[int], None] | None,
        stop: threading.Event | None,
        gives_up: Callable[[], bool] | None,
    ) -> None:
        self._files = files
        self._mark = options.watermark_bytes()
        self._on_upload = on_upload
        self._stop = stop
        self._sent_bytes = 0
        self._open: list[UploadFile] = []
        self._gives_up = gives_up
        self._breaks = 0
        self._whole = False

    def __enter__(self) -> "_Attempts":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._close()
        if kind is not None:
            self._count(-self._sent_bytes)

    def parts(self, error: Temporary | None) -> Parts:
        """The files of one attempt; `error` ended the one before. May raise UploadBroken."""
        if error and self._broke(error) and self._gives_up and self._gives_up():
            raise UploadBroken(self._words(error), sent_bytes=self._sent_bytes, whole=self._whole)
        self._close()
        self._count(-self._sent_bytes)
        self._open = list(map(self._opened, self._files))
        named = zip(self._files, self._open, strict=True)
        parts = [("file", (_source(file).name, upload, _BINARY)) for file, upload in named]
        if self._mark is not None:
            return [("watermarkFile", ("watermark.png", self._mark, "image/png")), *parts]
        return parts

    def last(self, error: Temporary) -> Temporary:
        """The error that ended the last attempt, with what did not get through."""
        if not self._broke(error):
            return error
        return Temporary(self._words(error), code=UPLOAD_BROKEN)

    def _broke(self, error: Temporary) -> bool:
        """Whether the line broke while the files were sent; counts it."""
        if error.status is not None or not self._sent_bytes:
            return False
        self._breaks += 1
        self._whole = self._whole or all(file.is_sent for file in self._open)
        return True

    def _words(self, error: Temporary) -> str:
        more = f" and {len(self._files) - 1} more" if len(self._files) > 1 else ""
        times = "once" if self._breaks == 1 else f"{self._breaks} times"
        return (
            f"{_source(self._files[0]).name}{more} did not get through: the connection broke"
            f" {times} while it was sent ({error.message})"
        )

    def _opened(self, file: Source | Measured) -> UploadFile:
        source = _source(file)
        try:
            measured = file if isinstance(file, Measured) else None
            return UploadFile(source, measured, self._count, self._stop)
        except OSError as error:
            raise unreadable(source, error) from None

    def _count(self, count: int) -> None:
        self._sent_bytes += count
        if self._on_upload and count:
            self._on_upload(count)

    def _close(self) -> None:
        for file in self._open:
            file.close()


def _source(file: Source | Measured) -> Source:
    return file.source if isinstance(file, Measured) else file
