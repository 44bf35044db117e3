"""The bodies of answers: JSON as clients see it, with a sentence for each field.

mypy holds what the code builds to these types, and the OpenAPI document is made from them
(api/openapi/): the text below a field is its description there. A new field of an answer is a line
here and a value where the body is built (shared/answers.py, or the view). A type is not made from
another one by inheritance: pydantic would lose the texts of the inherited fields.
"""

from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field, WithJsonSchema, with_config

# pydantic reads typing's own TypedDict only from Python 3.12 on.
from typing_extensions import TypedDict

from shared.db.views import Status
from shared.errors import WarningCode
from shared.imagetype import OUTPUT_TYPES, ImageType
from shared.models import Encoding
from shared.plans import Plan

_documented = with_config(ConfigDict(use_attribute_docstrings=True))

Count = Annotated[int, Field(ge=0)]
Pixels = Annotated[int, Field(ge=1)]
Uuid = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Uri = Annotated[str, Field(json_schema_extra={"format": "uri"})]
OutputType = Annotated[
    ImageType, WithJsonSchema({"type": "string", "enum": [type_.value for type_ in OUTPUT_TYPES]})
]
# Of any text while it runs: rows may have a code of a newer version of the service.
WarningWord = Annotated[
    str, WithJsonSchema({"type": "string", "enum": [code.value for code in WarningCode]})
]


@_documented
class Warning(TypedDict):
    """Something that was done in another way than asked for; every later answer says it too."""

    batch_id: NotRequired[Uuid]
    """The batch that it is about; in a session's page."""
    index: Count | None
    """The image that it is about; null for the whole batch."""
    code: WarningWord
    """The code for programs."""
    message: str
    """A sentence with the details."""


@_documented
class Image(TypedDict):
    """An image that succeeded."""

    id: Uuid
    """The image's id."""
    batch_id: Uuid
    """The batch that it was sent in."""
    index: Count
    """Its place in the batch, from 0, in the order in which the files were sent."""
    original_name: str
    """The last part of the name that was sent, cleaned."""
    path: str | None
    """The folder that was sent with its name, cleaned; null without one."""
    file_name: str
    """The name under which it downloads; unique in its folder of the session, without
    regard to case."""
    format: OutputType
    """The type of the result."""
    width: Pixels
    """Pixels of the result."""
    height: Pixels
    """Pixels of the result."""
    original_size: Count
    """Bytes of the upload."""
    compressed_size: Count
    """Bytes of the result."""
    saved_percent: float
    """How many percent of the upload's bytes were saved; below zero where the result is larger."""
    url: Uri
    """A signed link to the result that needs no key; every answer signs it afresh."""
    expires_at: Time
    """When `url` stops working."""
    alt_text: str | None
    """The alt text; null where none was asked for, or where a warning says why there is none."""
    watermarked: bool
    """Whether the watermark was laid over it."""
    encoding: Encoding | None
    """How the file got its pixels; null for images older than this field."""
    retry_of: Uuid | None
    """The image that this one was made again from; null where it was sent."""
    warnings: NotRequired[list[Warning]]
    """The image's own warnings; only in an event."""


@_documented
class FailedImage(TypedDict):
    """An image that failed. It costs nothing."""

    id: Uuid
    """The image's id."""
    batch_id: NotRequired[Uuid]
    """The batch that it was sent in; in a session's page."""
    index: Count
    """Its place in the batch, from 0."""
    original_name: str
    """The last part of the name that was sent, cleaned."""
    path: str | None
    """The folder that was sent with its name, cleaned; null without one."""
    error: str
    """The code for programs."""
    message: str
    """A sentence with the details."""
    retry_of: Uuid | None
    """The image that this one was made again from; null where it was sent."""
    warnings: NotRequired[list[Warning]]
    """The image's own warnings; only in an event."""


@_documented
class Progress(TypedDict):
    """How many images are in each state."""

    total: Count
    """All images: the sum of the five counts below."""
    queued: Count
    """Images that wait for a worker."""
    processing: Count
    """Images in work."""
    completed: Count
    """Images that succeeded."""
    failed: Count
    """Images that failed."""
    cancelled: Count
    """Images that were cancelled before they ended."""
    original_bytes: Count
    """Bytes of the completed images together, before."""
    compressed_bytes: Count
    """Bytes of the completed images together, after."""


@_documented
class Batch(TypedDict):
    """A batch: what became of the images of one request."""

    error: NotRequired[str]
    """Only where all images failed: `No image could be processed`."""
    code: NotRequired[Literal["all_failed"]]
    """Only where all images failed."""
    session_id: str
    """The session that gathers it."""
    batch_id: Uuid
    """The batch's id."""
    status: Status
    """`completed` means that every image has ended, well or badly."""
    progress: NotRequired[Progress]
    """Only while the batch is not done."""
    data: list[Image]
    """The images that succeeded, in the order in which they were sent."""
    errors: list[FailedImage]
    """The images that failed, in the order in which they were sent."""
    warnings: list[Warning]
    """About the whole batch first, then about its images."""


@_documented
class Webhook(TypedDict):
    """A call that is due when a batch has closed, and that no receiver has taken yet."""

    batch_id: Uuid
    """The batch that it tells of."""
    url: Uri
    """The address that is called, without its query."""
    status: Literal["waiting", "pending", "failed"]
    """`waiting` for the end of the batch; `pending`: called now or later; `failed`: never again."""
    attempts: Count
    """How often it was called so far."""
    last_status: int | None
    """The status of the last answer; null where none came."""
    next_attempt_at: Time | None
    """When it is called next, or is being called; null before the batch has closed, and at the
    end."""


@_documented
class WebhookEvent(TypedDict):
    """The body of a call to a webhook."""

    type: Literal["batch.completed", "batch.cancelled"]
    """`batch.cancelled` where the session was deleted before the receiver was told of the end."""
    timestamp: Time
    """When the batch closed, or was cancelled."""
    data: Batch
    """The batch, as POST /api/compress answers it, with URLs that were just signed."""


@_documented
class NewSecret(TypedDict):
    """A new secret that signs webhooks."""

    secret: str
    """The secret, which begins with `whsec_`. It is shown this once."""


@_documented
class SessionPage(TypedDict):
    """A page of a session: images that ended, in the order in which they ended."""

    retried: NotRequired[Count]
    """How many images are made again; only where that was asked for."""
    session_id: str
    """The session's id, as it was sent or made."""
    status: Status
    """`completed` means that every image has ended, well or badly; another batch opens it again."""
    progress: Progress
    """Of the whole session."""
    data: list[Image]
    """The images of this page that succeeded."""
    errors: list[FailedImage]
    """The images of this page that failed."""
    warnings: list[Warning]
    """About the page's images, and the newest 100 about whole batches."""
    next_cursor: str | None
    """What to send as `cursor` for the next page; null when all has ended and was read."""
    archive_url: str | None
    """A path on this server that needs no key, to a ZIP of all finished images; null while there is
    none."""
    webhooks: list[Webhook]
    """The newest 100 calls of webhooks that are not delivered, the newest first."""


@_documented
class SessionEnd(TypedDict):
    """What a stream of events ends with."""

    session_id: str
    """The session's id, as it was sent or made."""
    status: Status
    """How it ended."""
    progress: Progress
    """Of the whole session."""


EventData = Annotated[str, Field(json_schema_extra={"contentMediaType": "application/json"})]


@_documented
class SessionEvent(TypedDict):
    """An event of a stream."""

    event: Literal["image", "session"]
    """`image` as each image ends; `session` when all have, then the stream ends."""
    id: str
    """The place in the order of ending, which is also a `cursor` of the poll."""
    data: EventData
    """JSON: of `image` an `Image` or a `FailedImage`, which has `error`; of `session` a
    `SessionEnd`."""


@_documented
class SessionSummary(TypedDict):
    """A session without its images."""

    session_id: str
    """The session's id, as it was sent or made."""
    status: Status
    """`completed` means that every image has ended, well or badly; another batch opens it again."""
    progress: Progress
    """Of the whole session."""
    created_at: Time
    """When its first batch was accepted."""


@_documented
class SessionList(TypedDict):
    """A page of the account's sessions, the newest first."""

    sessions: list[SessionSummary]
    """The sessions of this page."""
    next_cursor: str | None
    """What to send as `cursor` for the next page; null on the last one."""


@_documented
class Topups(TypedDict):
    """Where to buy AI credits: what the operator configured, or empty texts."""

    small: str
    """Of the smallest size."""
    medium: str
    """Of the middle size."""
    large: str
    """Of the largest size."""


@_documented
class Account(TypedDict):
    """The account that a key belongs to."""

    name: str
    """The account's name, which the operator chose."""
    plan: Plan
    """The account's plan."""
    period_started_at: Time
    """When the billing period began that usage counts in."""
    period_ends_at: Time
    """When the next billing period begins, with nothing used."""
    ai: bool
    """Whether this service has an AI provider; without one it answers 503 to requests for AI."""
    stored_bytes: Count
    """Bytes of its originals and results that are stored now."""
    storage_bytes: Count
    """Bytes that its plan may store; a batch that does not fit is refused."""


@_documented
class Usage(TypedDict):
    """What the account has used and has left in its billing period."""

    plan: Plan
    """The account's plan."""
    compressor_used: Count
    """Images of this period."""
    compressor_limit: Count
    """Images that a period includes; 99999 means unlimited."""
    ia_credits_used: Count
    """Monthly AI credits that are spent."""
    ia_credits_monthly: Count
    """AI credits that a period includes."""
    ia_topup_credits: Count
    """AI credits that were bought; they do not expire."""
    ia_credits_remaining: Count
    """`ia_credits_monthly` - `ia_credits_used` + `ia_topup_credits`."""
    canCompress: bool
    """Whether an image is left."""
    canUseIA: bool
    """Whether the plan has AI and a credit is left."""
    topups: Topups
    """Where to buy AI credits."""


@_documented
class NewKey(TypedDict):
    """A new API key."""

    api_key: str
    """The key. It is shown this once."""


@_documented
class Queue(TypedDict):
    """What waits for a worker, of all accounts together."""

    images: int
    """How many images."""
    age_seconds: float
    """How long the oldest of them has waited; 0 when none waits."""
    accounts: int
    """How many accounts they are of."""
    cpu_seconds: float
    """Their estimated work, without that of images that are not measured yet."""
    full: bool
    """Whether accounts that have more than their share of these images get `queue_full`."""


@_documented
class Health(TypedDict):
    """That all is well."""

    status: Literal["ok"]
    """Always `ok`."""


@_documented
class Ready(Health):
    """That all servers answer, and how long the queue is."""

    queue: Queue
    """What waits for a worker."""
    faults: NotRequired[dict[str, str]]
    """Workers that can work on no image, while others can: why, by the worker's name."""


@_documented
class Error(TypedDict):
    """Why a request was not carried out."""

    error: str
    """A sentence; for `ia_not_available` and `no_credits` the code itself."""
    code: str
    """The code for programs."""
    message: NotRequired[str]
    """The sentence of `ia_not_available` and `no_credits`."""
    batch_id: NotRequired[str]
    """With `idempotency_mismatch`: the batch that the `Idempotency-Key` made."""


@_documented
class NotReady(TypedDict):
    """What is down."""

    error: str
    """A sentence that names what is down."""
    code: Literal["unavailable"]
    """The code for programs."""
    down: list[str]
    """The servers and parts of the service that do not answer, and workers that cannot work."""
