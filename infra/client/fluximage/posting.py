"""POST /api/compress: one batch."""

import threading
from collections.abc import Callable, Sequence

from fluximage import answers
from fluximage.answers import Batch
from fluximage.calls import Calls, Parts
from fluximage.errors import Temporary
from fluximage.options import Options
from fluximage.sources import Source
from fluximage.upload import Measured, UploadBroken, UploadFile, unreadable

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
) -> Batch:
    """Sends one batch and returns its state; raises what Calls.ask does, and SourceFailed.

    A file that is given as Measured is compared with it. on_upload: the bytes of files that were
    sent, negative where they have to be sent again.
    """
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    if wait_seconds is not None:
        headers["Prefer"] = f"respond-async, wait={wait_seconds}" if wait_seconds else _AT_ONCE
    with _Attempts(files, options, on_upload, stop) as attempts:
        _, body = calls.ask(
            "POST",
            "/api/compress",
            repeat=idempotency_key is not None,
            stop=stop,
            headers=headers,
            form=options.form() | ({"sessionId": session_id} if session_id else {}),
            parts=attempts.parts,
        )
    return answers.batch(body)


_AT_ONCE = "respond-async"
_MAX_BREAKS = 2
_NEVER = 1_000_000


class _Attempts:
    """The files of a form, opened anew for each attempt, closed after the last."""

    def __init__(
        self,
        files: Sequence[Source | Measured],
        options: Options,
        on_upload: Callable[[int], None] | None,
        stop: threading.Event | None,
    ) -> None:
        self._files = files
        self._mark = options.watermark_bytes()
        self._on_upload = on_upload
        self._stop = stop
        self._sent_bytes = 0
        self._open: list[UploadFile] = []
        self._breaks = 0

    def __enter__(self) -> "_Attempts":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._close()
        if kind is not None:
            self._count(-self._sent_bytes)

    def parts(self, error: Temporary | None) -> Parts:
        """The files of one attempt; `error` ended the one before.

        Raises UploadBroken where half of them may get through: the line broke twice, and not
        once after the last byte, so that nothing was accepted.
        """
        if error and error.status is None:
            whole = all(file.is_sent for file in self._open)
            self._breaks = -_NEVER if whole else self._breaks + 1
            if self._breaks >= _MAX_BREAKS and len(self._files) > 1:
                raise UploadBroken(error.message)
        self._close()
        self._count(-self._sent_bytes)
        self._open = list(map(self._opened, self._files))
        named = zip(self._files, self._open, strict=True)
        parts = [("file", (_source(file).name, upload, _BINARY)) for file, upload in named]
        if self._mark is not None:
            return [("watermarkFile", ("watermark.png", self._mark, "image/png")), *parts]
        return parts

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
