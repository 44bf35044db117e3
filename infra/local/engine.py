"""The engine that `fluximage compress --local` works with, in place of a server."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO
from uuid import uuid4

from fluximage import Done, Failed, Image, Notice, Options, Source
from fluximage.answers import Usage
from fluximage.journal import Journal
from infra.local.pool import Pool
from infra.local.worker import Job, Limits, Made, Refused
from infra.processes import usable_cores
from infra.settings_without_servers import load_without_servers
from shared import models
from shared.errors import NOT_AN_IMAGE
from shared.imagetype import ImageType


@dataclass(frozen=True, slots=True)
class LocalImage(Image):
    """A finished image whose file is `data`; `url` is empty."""

    data: bytes = field(default=b"", repr=False, compare=False)


class LocalEngine:
    """An engine in processes of this machine, with the limits that the settings set."""

    def __init__(self) -> None:
        """Raises OperatorError for faulty settings in the environment."""
        loaded = load_without_servers(os.environ)
        names = Limits.__dataclass_fields__
        limits = Limits(**{name: getattr(loaded, name) for name in names})
        self._pool = Pool(usable_cores(), limits, loaded.task_limit_seconds)

    def compress(
        self,
        sources: Sequence[Source],
        options: Options,
        *,
        session_id: str | None,  # noqa: ARG002 - there are no sessions here
        journal: Journal | None,  # noqa: ARG002 - nothing is paid
        on_upload: Callable[[int], None],
    ) -> Iterator[Done | Failed]:
        """Yields each source's result as it ends."""
        asked, watermark = _asked(options), options.watermark_bytes()
        jobs = (Job(source.content, asked, watermark) for source in sources)
        for number, end in self._pool.run(jobs):
            source = sources[number]
            if isinstance(end, Made):
                on_upload(end.original_size)
                yield _done(source, asked.format, end)
            else:
                yield _failed(source, end)

    def save(self, done: Done, to: BinaryIO) -> None:
        """Writes a result of `compress`."""
        if not isinstance(done.image, LocalImage):
            raise TypeError("this image was not made here")
        to.write(done.image.data)

    def usage(self) -> Usage | None:
        """None: nothing is counted here."""
        return None

    def close(self) -> None:
        """Ends every process."""
        self._pool.close()


def _asked(options: Options) -> models.Options:
    """The service's options for the client's; what is None gets the service's default."""
    return models.Options(
        format=_format(options.format),
        quality=options.quality or models.Options.quality,
        max_width=options.max_width,
        max_height=options.max_height,
        watermark=_mark(options) if options.watermark else None,
    )


def _mark(options: Options) -> models.Watermark:
    default = models.Watermark()
    opacity = options.watermark_opacity
    return models.Watermark(
        options.watermark_scale or default.scale_percent,
        default.opacity_percent if opacity is None else opacity,
        models.Position(options.watermark_position or default.position),
    )


def _format(name: str | None) -> ImageType:
    return ImageType("jpg" if name == "jpeg" else name) if name else models.Options.format


def _done(source: Source, format: ImageType, made: Made) -> Done:
    size, original = len(made.data), made.original_size
    image = LocalImage(
        id=str(uuid4()),
        batch_id="",
        index=0,
        original_name=source.name,
        file_name=source.name,
        format=format.value,
        width=made.width,
        height=made.height,
        original_size=original,
        compressed_size=size,
        saved_percent=round(100 * (1 - size / original), 1),
        url="",
        expires_at="",
        watermarked=made.watermarked,
        encoding=made.encoding,
        data=made.data,
    )
    return Done(source, image, tuple(Notice(one.code, one.message) for one in made.notices))


def _failed(source: Source, refused: Refused) -> Failed:
    message = refused.message
    if message.startswith(NOT_AN_IMAGE):  # as the API puts it
        message = f"{source.name} is not an image this service reads"
    return Failed(source, refused.code, message)
