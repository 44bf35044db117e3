"""The fields of POST /api/compress: from text to options, or one sentence that says why not."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from api.multipart import MAX_FILES, MAX_WATERMARK_BYTES, Form
from api.uploads import Upload
from shared.errors import InvalidFieldError
from shared.imagetype import OUTPUT_TYPES, check_watermark
from shared.models import (
    MAX_QUALITY,
    MAX_SCALE_PERCENT,
    MIN_QUALITY,
    MIN_SCALE_PERCENT,
    DescriptionRequest,
    Language,
    Notice,
    Options,
    Position,
    Watermark,
)
from shared.plans import Allowance

T = TypeVar("T")
Choice = TypeVar("Choice", bound=StrEnum)

_TEXT_FIELDS = (
    "format",
    "quality",
    "maxWidth",
    "maxHeight",
    "sessionId",
    "watermarkScale",
    "watermarkOpacity",
    "watermarkPosition",
    "autoAltText",
    "autoRenameSEO",
    "language",
    "context",
    "keywords",
)
_FILE_FIELDS = ("file", "watermarkFile")
_SESSION_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)
_MAX_PHRASE_CHARACTERS = 300


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


# Every accepted spelling, and the field it means.
SPELLINGS = {
    spelling: name for name in (*_TEXT_FIELDS, *_FILE_FIELDS) for spelling in (name, _snake(name))
} | {
    spelling: name
    for name in ("language", "context", "keywords")
    for spelling in (f"ai{name.capitalize()}", f"ai_{name}")
}


@dataclass(frozen=True)
class CompressRequest:
    """A body that keeps to the contract. `session_id` None asks for a random one."""

    files: list[Upload]
    watermark: Upload | None
    options: Options
    session_id: str | None
    notices: list[Notice]

    @property
    def ai(self) -> bool:
        """Whether any AI is asked for."""
        return self.options.description_request is not None


def parse(form: Form, allowance: Allowance) -> CompressRequest:
    """The request that the form makes, on a plan with that allowance.

    Raises InvalidFieldError with one sentence that names the field, what came and what is
    allowed. On a plan without watermarks their fields are ignored, with a notice.
    """
    notices = _unknown_fields(form)
    if not allowance.watermark:
        form, ignored = _without_watermark(form)
        notices += ignored
    values = _single_values(form)
    format = _choice(values, "format", OUTPUT_TYPES, Options.format)
    placing = _watermark(values)  # checked even where there is nothing to place
    return CompressRequest(
        files=_images(form),
        watermark=(mark := _watermark_file(form)),
        options=Options(
            format=format,
            quality=_whole(values, "quality", MIN_QUALITY, MAX_QUALITY, Options.quality),
            max_width=_whole(values, "maxWidth", 1, 65535, None),
            max_height=_whole(values, "maxHeight", 1, 65535, None),
            watermark=placing if mark else None,
            description_request=_description_request(values),
        ),
        session_id=_session_id(values),
        notices=notices,
    )


def _unknown_fields(form: Form) -> list[Notice]:
    return [
        Notice("unknown_field", f"The field {_shown(name)} is not known and was ignored")
        for name in dict.fromkeys(form.ignored)
    ]


def _without_watermark(form: Form) -> tuple[Form, list[Notice]]:
    def stays(name: str) -> bool:
        return not SPELLINGS[name].startswith("watermark")

    kept = Form(
        [(name, value) for name, value in form.fields if stays(name)],
        [upload for upload in form.uploads if stays(upload.field)],
    )
    if len(kept.fields) + len(kept.uploads) == len(form.fields) + len(form.uploads):
        return form, []
    return kept, [
        Notice(
            "watermark_not_available",
            "Watermarks require a paid plan; the watermark fields were ignored",
        )
    ]


def _single_values(form: Form) -> dict[str, str]:
    values: dict[str, str] = {}
    for spelling, value in form.fields:
        name = SPELLINGS[spelling]
        if name in _FILE_FIELDS:
            raise InvalidFieldError(f"{name} must be sent as a file, with a file name")
        if name in values:
            raise InvalidFieldError(f"{name} was given more than once; give it once at most")
        values[name] = value
    for upload in form.uploads:
        name = SPELLINGS[upload.field]
        if name not in _FILE_FIELDS:
            raise InvalidFieldError(f"{name} must be sent as text, not as a file")
    return values


def _images(form: Form) -> list[Upload]:
    files = _chosen(form, "file")
    if not files:
        raise InvalidFieldError(f"file is missing: send 1 to {MAX_FILES} images in it")
    return files


def _chosen(form: Form, name: str) -> list[Upload]:
    # A browser's form sends an empty part for a file field in which nothing was chosen.
    return [
        upload
        for upload in form.uploads
        if SPELLINGS[upload.field] == name and (upload.name != "unnamed" or upload.size)
    ]


def _watermark_file(form: Form) -> Upload | None:
    files = _chosen(form, "watermarkFile")
    if not files:
        return None
    if len(files) > 1:
        raise InvalidFieldError("watermarkFile was given more than once; give it once at most")
    if files[0].size > MAX_WATERMARK_BYTES:
        raise InvalidFieldError(
            f"watermarkFile must be a PNG of at most 5 MB, not of {files[0].size} bytes"
        )
    check_watermark(files[0].content.read())
    files[0].content.seek(0)
    return files[0]


def _watermark(values: dict[str, str]) -> Watermark:
    default = Watermark()
    return Watermark(
        scale_percent=_whole(
            values, "watermarkScale", MIN_SCALE_PERCENT, MAX_SCALE_PERCENT, default.scale_percent
        ),
        opacity_percent=_whole(values, "watermarkOpacity", 0, 100, default.opacity_percent),
        position=_choice(values, "watermarkPosition", Position, default.position),
    )


def _whole(values: dict[str, str], name: str, low: int, high: int, default: T) -> int | T:
    text = values.get(name)
    if text is None:
        return default
    # Bounded and ASCII: int() takes other scripts' digits, and any number of them.
    if re.fullmatch(r"[0-9]{1,9}", text) and low <= int(text) <= high:
        return int(text)
    raise refusal(name, text, f"a whole number from {low} to {high}")


def _choice(
    values: dict[str, str], name: str, allowed: Iterable[Choice], default: Choice
) -> Choice:
    text = values.get(name, default)
    for choice in allowed:
        if choice == text:
            return choice
    raise refusal(name, text, f"one of {', '.join(allowed)}")


def _flag(values: dict[str, str], name: str) -> bool:
    text = values.get(name, "false")
    if text not in ("true", "false"):
        raise refusal(name, text, "true or false")
    return text == "true"


def _description_request(values: dict[str, str]) -> DescriptionRequest | None:
    request = DescriptionRequest(  # checked even where no AI is asked for
        alt_text=_flag(values, "autoAltText"),
        file_name=_flag(values, "autoRenameSEO"),
        language=_choice(values, "language", Language, Language.ENGLISH),
        context=_phrase(values, "context"),
        keywords=_phrase(values, "keywords"),
    )
    return request if request.alt_text or request.file_name else None


def _phrase(values: dict[str, str], name: str) -> str:
    text = values.get(name, "")
    if len(text) > _MAX_PHRASE_CHARACTERS:
        raise refusal(
            name, f"{len(text)} characters", f"at most {_MAX_PHRASE_CHARACTERS} characters"
        )
    return text


def _session_id(values: dict[str, str]) -> str | None:
    text = values.get("sessionId")
    if text is not None and not is_session_id(text):
        raise refusal(
            "sessionId", text, "1 to 128 characters of A-Z a-z 0-9 . _ : - (and not . or ..)"
        )
    return text


def is_session_id(text: str) -> bool:
    """Whether a session may be called so."""
    return text not in (".", "..") and _SESSION_ID.fullmatch(text) is not None


def refusal(name: str, came: str, allowed: str) -> InvalidFieldError:
    """The one sentence for a bad value: its name, what came and what is allowed."""
    return InvalidFieldError(f"{name} must be {allowed}, not {_shown(came)}")


def _shown(text: str) -> str:
    """A client's text as we repeat it: printable and short."""
    shown = "".join(c for c in text if c.isprintable())
    return f"'{shown[:60]}…'" if len(shown) > 60 else f"'{shown}'"
