"""The fields of POST /api/compress: their text becomes options, or one sentence of refusal.

A new field:
1. a line in the table of fields here: a kind of api/parameters.py with its name, bounds, default,
   sentence and example. Its spellings, the OpenAPI document and the table in docs/api.md
   (`make api-tables`) follow from it. One that is a file stands in FILE_FIELDS of multipart.py too;
2. its value in `parse`;
3. a value of Options in shared/models.py, whose docstring says what `to_json` and `from_json` owe
   to older rows: at its default it must leave `to_json` as it was, because an Idempotency-Key
   compares that. One that is not an option goes to CompressRequest, and to `_fingerprint` in
   api/routes/compress.py;
4. tests in tests/api/test_fields.py: values at and beyond its bounds, and its default;
5. the step of workers/imaging/pipeline.py that reads it from `job.options`, and its counterpart in
   animation/animate.py. One that changes how a file is encoded goes into EncoderSettings
   (encoding/settings.py) and the encoders;
6. passthrough.py, where it changes pixels, and workers/cost/, where it changes what an image costs.
"""

from dataclasses import dataclass
from typing import Any

from api.folders import MAX_BYTES, MAX_LEVELS, put_in
from api.multipart import FILE_FIELDS, MAX_FILES, MAX_WATERMARK_BYTES, Form
from api.parameters import (
    FileField,
    Flag,
    JsonSchema,
    OneOf,
    Parameter,
    Pattern,
    Phrase,
    Texts,
    Whole,
)
from api.suggestions import meant_as_files, suggest
from api.uploads import Upload
from shared.errors import InvalidFieldError, WarningCode
from shared.imagetype import OUTPUT_TYPES, WATERMARK_MAX_SIDE, ImageType, check_watermark
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
from shared.outbound import MAX_URL_CHARACTERS
from shared.plans import Allowance

_MAX_PHRASE_CHARACTERS = 300
_MAX_UNKNOWN_NAMED = 20  # unknown fields with a warning of their own: warnings are stored


class SessionId(Pattern[None]):
    """A session's id: `.` and `..` would mean other paths."""

    def fits(self, text: str) -> bool:
        return text not in (".", "..") and super().fits(text)


@dataclass(frozen=True, kw_only=True)
class _Address(Parameter[str | None]):
    """A URL that is called. `parse` takes any text: api/webhook_url.py checks it."""

    default: None = None

    @property
    def allowed(self) -> str:
        return f"an http or https URL of at most {MAX_URL_CHARACTERS} characters"

    @property
    def schema(self) -> JsonSchema:
        return {"type": "string", "format": "uri", "maxLength": MAX_URL_CHARACTERS}

    def parse(self, text: str) -> str:
        return text


class _Format(OneOf[ImageType]):
    """A type that is written, in any letter case; `jpeg`, the label of jpg, means jpg."""

    def parse(self, text: str) -> ImageType:
        for type_ in self.choices:
            if text.lower() in (type_.value, type_.facts.label.lower()):
                return type_
        raise self.refusal(text)


# The table of fields.
FILE = FileField(
    name="file",
    words=f"1 to {MAX_FILES} images of at most 20 MB each",
    sentence="The images: "
    + ", ".join(type_.facts.label for type_ in ImageType)
    + ", recognised by their content. Repeat the field for each.",
    example="IMG_0001.JPG",
    media_types=tuple(type_.facts.mime_type for type_ in ImageType),
    max_files=MAX_FILES,
    required=True,
)
FORMAT = _Format(
    name="format",
    choices=OUTPUT_TYPES,
    default=Options.format,
    sentence="The type of the results. In any letter case; `jpeg` means `jpg`.",
    example="avif",
)
QUALITY: Whole[int] = Whole(
    name="quality",
    low=MIN_QUALITY,
    high=MAX_QUALITY,
    default=Options.quality,
    sentence="How good the results look. A png is lossless whatever this says.",
    example="80",
)
MAX_WIDTH = Whole(
    name="maxWidth",
    low=1,
    high=MAX_SIDE_PIXELS,
    default=None,
    sentence="Pixels. A wider image is scaled down in proportion, never up.",
    example="1600",
)
MAX_HEIGHT = Whole(
    name="maxHeight",
    low=1,
    high=MAX_SIDE_PIXELS,
    default=None,
    sentence="Pixels. A higher image is scaled down in proportion, never up.",
    example="1600",
)
SESSION_ID = SessionId(
    name="sessionId",
    pattern=r"[A-Za-z0-9._:-]{1,128}",
    words="1 to 128 of the characters A-Z a-z 0-9 . _ : - (but not . or ..)",
    default=None,
    sentence="The session that gathers the results of any number of batches. Without it the batch "
    "gets a new one.",
    example="spring-sale",
)
WATERMARK_FILE = FileField(
    name="watermarkFile",
    words=f"one PNG of at most 5 MB and {WATERMARK_MAX_SIDE} x {WATERMARK_MAX_SIDE} pixels",
    sentence="Is laid over every image.",
    example="logo.png",
    media_types=("image/png",),
)
WATERMARK_SCALE: Whole[int] = Whole(
    name="watermarkScale",
    low=MIN_SCALE_PERCENT,
    high=MAX_SCALE_PERCENT,
    default=Watermark.scale_percent,
    sentence="The watermark's width in percent of the image's width.",
    example="20",
)
WATERMARK_OPACITY: Whole[int] = Whole(
    name="watermarkOpacity",
    low=0,
    high=100,
    default=Watermark.opacity_percent,
    sentence="From 0 (invisible) to 100 (opaque).",
    example="80",
)
WATERMARK_POSITION = OneOf(
    name="watermarkPosition",
    choices=Position,
    default=Watermark.position,
    sentence="Top, middle or bottom; left, centre or right.",
    example="BR",
)
AUTO_ALT_TEXT = Flag(
    name="autoAltText", sentence="An alt text for each image, by AI.", example="true"
)
AUTO_RENAME_SEO = Flag(
    name="autoRenameSEO",
    sentence="A file name that describes the image, by AI: lower-case words joined by hyphens.",
    example="true",
)
LANGUAGE = OneOf(
    name="language",
    also=("aiLanguage",),
    choices=Language,
    default=Language.ENGLISH,
    sentence="The language of alt texts and file names.",
    example="Français",
)
CONTEXT = Phrase(
    name="context",
    also=("aiContext",),
    max_characters=_MAX_PHRASE_CHARACTERS,
    sentence="What the images are for, to guide alt texts and file names.",
    example="A shop for running shoes",
)
KEYWORDS = Phrase(
    name="keywords",
    also=("aiKeywords",),
    max_characters=_MAX_PHRASE_CHARACTERS,
    sentence="Words to guide alt texts and file names.",
    example="trail, waterproof",
)
PATH = Texts(
    name="path",
    words=f"once for each file, in their order: a folder of at most {MAX_LEVELS} levels and "
    f"{MAX_BYTES} bytes, or an empty text",
    sentence="The folder of each file, for clients whose library strips folders from file names.",
    example="shoes/red",
)
WEBHOOK_URL = _Address(
    name="webhookUrl",
    sentence="Is called when the batch has closed. The calls are signed with the account's secret, "
    "which `POST /api/webhooks/secret` makes.",
    example="https://example.com/hooks/images",
)
FIELDS: tuple[Parameter[Any], ...] = (
    FILE,
    FORMAT,
    QUALITY,
    MAX_WIDTH,
    MAX_HEIGHT,
    SESSION_ID,
    WATERMARK_FILE,
    WATERMARK_SCALE,
    WATERMARK_OPACITY,
    WATERMARK_POSITION,
    AUTO_ALT_TEXT,
    AUTO_RENAME_SEO,
    LANGUAGE,
    CONTEXT,
    KEYWORDS,
    PATH,
    WEBHOOK_URL,
)
# Each accepted spelling and the field that it means.
SPELLINGS = {spelling: field.name for field in FIELDS for spelling in field.spellings}


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
            format=FORMAT.read(values),
            quality=QUALITY.read(values),
            max_width=MAX_WIDTH.read(values),
            max_height=MAX_HEIGHT.read(values),
            watermark=watermark if watermark_file else None,
            description_request=_description_request(values),
        ),
        session_id=SESSION_ID.read(values),
        notices=notices,
        webhook_url=WEBHOOK_URL.read(values),
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
        if name == PATH.name:  # repeats, once for each file
            continue
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
    return put_in(files, [value for spelling, value in form.fields if spelling == PATH.name])


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
    return Watermark(
        scale_percent=WATERMARK_SCALE.read(values),
        opacity_percent=WATERMARK_OPACITY.read(values),
        position=WATERMARK_POSITION.read(values),
    )


def _description_request(values: dict[str, str]) -> DescriptionRequest | None:
    request = DescriptionRequest(  # checked even where the request does not ask for AI
        alt_text=AUTO_ALT_TEXT.read(values),
        file_name=AUTO_RENAME_SEO.read(values),
        language=LANGUAGE.read(values),
        context=CONTEXT.read(values),
        keywords=KEYWORDS.read(values),
    )
    return request if request.alt_text or request.file_name else None
