"""What a batch may ask for."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, TypedDict

Format = Literal["webp", "avif", "jpg", "jpeg", "png"]
Position = Literal["TL", "TC", "TR", "ML", "MC", "MR", "BL", "BC", "BR"]


class OptionFields(TypedDict, total=False):
    """The options as keywords of `Client.compress`; `Options` says what each means."""

    format: Format | None
    quality: int | None
    max_width: int | None
    max_height: int | None
    watermark: Path | bytes | None
    watermark_scale: int | None
    watermark_opacity: int | None
    watermark_position: Position | None
    alt_text: bool
    rename: bool
    language: str | None
    context: str | None
    keywords: str | None
    webhook_url: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for each image of a batch; None means the server's default.

    quality: 40 to 100. max_width, max_height: pixels. watermark: a PNG, as a path or its bytes.
    watermark_scale: 5 to 50, its width in percent of the image's. watermark_opacity: 0 to 100.
    alt_text, rename: one AI credit an image for either or both. language, context, keywords:
    guide both texts. webhook_url: is called when the batch has closed.

    The server checks the values; a bad one is a BadRequest that names it.
    """

    format: Format | None = None
    quality: int | None = None
    max_width: int | None = None
    max_height: int | None = None
    watermark: Path | bytes | None = None
    watermark_scale: int | None = None
    watermark_opacity: int | None = None
    watermark_position: Position | None = None
    alt_text: bool = False
    rename: bool = False
    language: str | None = None
    context: str | None = None
    keywords: str | None = None
    webhook_url: str | None = None

    def form(self) -> dict[str, str]:
        """Returns the form's text fields that say these options."""
        return dict(self._fields())

    def _fields(self) -> Iterator[tuple[str, str]]:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "watermark" or value is None or value is False:
                continue
            yield _NAMES.get(field.name, field.name), "true" if value is True else str(value)

    def watermark_bytes(self) -> bytes | None:
        """Returns the watermark's PNG; raises OSError where its file cannot be read."""
        return self.watermark.read_bytes() if isinstance(self.watermark, Path) else self.watermark

    def fingerprint(self) -> str:
        """Returns a digest that is equal for equal options, the watermark's content included."""
        mark = self.watermark_bytes()
        facts = {**self.form(), "mark": mark and hashlib.sha256(mark).hexdigest()}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


_NAMES = {
    "alt_text": "autoAltText",
    "rename": "autoRenameSEO",
    "max_width": "maxWidth",
    "max_height": "maxHeight",
    "watermark_scale": "watermarkScale",
    "watermark_opacity": "watermarkOpacity",
    "watermark_position": "watermarkPosition",
    "webhook_url": "webhookUrl",
}
