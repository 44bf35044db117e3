"""The fields of POST /api/compress: their text becomes options, or one sentence of refusal.

A new field:
1. its name in _TEXT_FIELDS here, or in FILE_FIELDS of multipart.py; its snake_case spelling
   follows from it;
2. its value in `parse`, checked by `_whole`, `_choice` or `_flag`, or by a function of its own;
3. a value of Options in shared/models.py, whose docstring says what `to_json` and `from_json` owe
   to older rows: at its default it must leave `to_json` as it was, because an Idempotency-Key
   compares that. One that is not an option goes to CompressRequest, and to `_fingerprint` in
   api/routes/compress.py;
4. a row in the table of fields in docs/api.md, which tests/test_docs.py compares with SPELLINGS;
5. tests in tests/api/test_fields.py: values at and beyond its bounds, and its default;
6. the step of workers/imaging/pipeline.py that reads it from `job.options`, and its counterpart in
   animation/animate.py. One that changes how a file is encoded goes into EncoderSettings
   (encoding/settings.py) and the encoders;
7. passthrough.py, where it changes pixels, and workers/cost/, where it changes what an image costs.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from api.multipart import FILE_FIELDS, MAX_FILES, MAX_WATERMARK_BYTES, Form
from api.suggestions import meant_as_files, suggest
from api.uploads import Upload
from shared.errors import InvalidFieldError, WarningCode
from shared.imagetype import OUTPUT_TYPES, ImageType, check_watermark
from shared.models import (
    MAX_QUALITY,
    MAX_SCALE_PERCENT,
    MAX_SIDE_PIXELS,
    MIN_QUALITY,
    MIN_SCALE_PERCENT,
    DescriptionRequest,
    Language,
    Notice,
    Options,
    Position,
    Watermark,
)
from shared.naming import UNNAMED, quoted
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
    "webhookUrl",
)
_SESSION_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)
_MAX_PHRASE_CHARACTERS = 300
_MAX_UNKNOWN_NAMED = 20  # unknown fields with a warning of their own: warnings are stored


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


# Each accepted spelling and the field that it means.
SPELLINGS = {
    spelling: name for name in (*_TEXT_FIELDS, *FILE_FIELDS) for spelling in (name, _snake(name))
} | {
    spelling: name
    for name in ("language", "context", "keywords")
    for spelling in (f"ai{name.capitalize()}", f"ai_{name}")
}


@dataclass(frozen=True)
class CompressRequest:
    """A valid request. `session_id` None means a random one.

    webhook_url: as it came; api/webhook_url.py checks it.
    """

    files: list[Upload]
    watermark: Upload | None
    options: Options
    session_id: str | None
    notices: list[Notice]
    webhook_url: str | None

    @property
    def ai(self) -> bool:
        """Whether the request asks for AI."""
        return self.options.description_request is not None


def parse(form: Form, allowance: Allowance) -> CompressRequest:
    """Returns the request that the form makes on a plan with that allowance.

    On a plan without watermarks, the watermark fields are ignored, with a warning. Raises
    InvalidFieldError with one sentence that names the field, what came and what is allowed.
    """
    notices = _unknown_fields(form)
    if not allowance.watermark:
        form, ignored = _without_watermark(form)
        notices += ignored
    values = _single_values(form)
    watermark = _watermark(values)  # checked even without a watermark file
    return CompressRequest(
        files=_images(form),
        watermark=(watermark_file := _watermark_file(form)),
        options=Options(
            format=_format(values),
            quality=_whole(values, "quality", MIN_QUALITY, MAX_QUALITY, Options.quality),
            max_width=_whole(values, "maxWidth", 1, MAX_SIDE_PIXELS, None),
            max_height=_whole(values, "maxHeight", 1, MAX_SIDE_PIXELS, None),
            watermark=watermark if watermark_file else None,
            description_request=_description_request(values),
        ),
        session_id=_session_id(values),
        notices=notices,
        webhook_url=values.get("webhookUrl"),
    )


def _unknown_fields(form: Form) -> list[Notice]:
    unknown = list({field.name: field for field in form.ignored}.values())
    sentences = []
    for field in unknown[:_MAX_UNKNOWN_NAMED]:
        sentence = f"The field {quoted(field.name)} is not known and was ignored"
        meant = suggest(field, SPELLINGS)
        sentences.append(f"{sentence}; {meant} was probably meant" if meant else sentence)
    if more := len(unknown) - len(sentences):
        sentences.append(f"{more} more fields are not known and were ignored")
    return [Notice(WarningCode.UNKNOWN_FIELD, sentence) for sentence in sentences]


def _without_watermark(form: Form) -> tuple[Form, list[Notice]]:
    def stays(name: str) -> bool:
        return not SPELLINGS[name].startswith("watermark")

    kept = Form(
        [(name, value) for name, value in form.fields if stays(name)],
        [upload for upload in form.uploads if stays(upload.field)],
        form.ignored,
    )
    if len(kept.fields) + len(kept.uploads) == len(form.fields) + len(form.uploads):
        return form, []
    return kept, [
        Notice(
            WarningCode.WATERMARK_NOT_AVAILABLE,
            "Watermarks require a paid plan; the watermark fields were ignored",
        )
    ]


def _single_values(form: Form) -> dict[str, str]:
    values: dict[str, str] = {}
    for spelling, value in form.fields:
        name = SPELLINGS[spelling]
        if name in FILE_FIELDS:
            raise InvalidFieldError(f"{name} must be sent as a file, with a file name")
        if name in values:
            raise InvalidFieldError(f"{name} was sent more than once; send it at most once")
        values[name] = value
    for upload in form.uploads:
        name = SPELLINGS[upload.field]
        if name not in FILE_FIELDS:
            raise InvalidFieldError(f"{name} must be sent as text, not as a file")
    return values


def _images(form: Form) -> list[Upload]:
    files = _chosen(form, "file")
    if not files:
        names = meant_as_files(form.ignored)[:3]
        came = f", not as {' or '.join(map(quoted, names))}" if names else ""
        raise InvalidFieldError(f"file is missing; send 1 to {MAX_FILES} images as file{came}")
    return files


def _chosen(form: Form, name: str) -> list[Upload]:
    # A browser sends an empty part for a file field in which no file was chosen.
    return [
        upload
        for upload in form.uploads
        if SPELLINGS[upload.field] == name and (upload.name != UNNAMED or upload.size)
    ]


def _watermark_file(form: Form) -> Upload | None:
    files = _chosen(form, "watermarkFile")
    if not files:
        return None
    if len(files) > 1:
        raise InvalidFieldError("watermarkFile was sent more than once; send it at most once")
    if files[0].size > MAX_WATERMARK_BYTES:
        raise InvalidFieldError(
            f"watermarkFile must be a PNG of at most {MAX_WATERMARK_BYTES} bytes (5 MB), "
            f"not {files[0].size} bytes"
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
    # int() would also accept digits of other scripts, and numbers of any length.
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


def _format(values: dict[str, str]) -> ImageType:
    text = values.get("format", Options.format)
    for type_ in OUTPUT_TYPES:
        if text.lower() in (type_.value, type_.facts.label.lower()):  # "jpeg" is the label of jpg
            return type_
    raise refusal("format", text, f"one of {', '.join(OUTPUT_TYPES)}")


def _flag(values: dict[str, str], name: str) -> bool:
    text = values.get(name, "false")
    if text not in ("true", "false"):
        raise refusal(name, text, "true or false")
    return text == "true"


def _description_request(values: dict[str, str]) -> DescriptionRequest | None:
    request = DescriptionRequest(  # checked even where the request does not ask for AI
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
        raise InvalidFieldError(
            f"{name} must be at most {_MAX_PHRASE_CHARACTERS} characters long, not {len(text)}"
        )
    return text


def _session_id(values: dict[str, str]) -> str | None:
    text = values.get("sessionId")
    if text is not None and not is_session_id(text):
        raise refusal(
            "sessionId", text, "1 to 128 of the characters A-Z a-z 0-9 . _ : - (but not . or ..)"
        )
    return text


def is_session_id(text: str) -> bool:
    """Whether the text is a valid session id."""
    return text not in (".", "..") and _SESSION_ID.fullmatch(text) is not None


def refusal(name: str, came: str, allowed: str) -> InvalidFieldError:
    """Returns the error for a bad value, in one sentence: its name, what is allowed, what came."""
    return InvalidFieldError(f"{name} must be {allowed}, not {quoted(came)}")
