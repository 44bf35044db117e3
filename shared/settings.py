"""Every setting of the service, and the only code that reads the environment.

One is read elsewhere too: see `shared.private_folder`.

The servers have the names that their users expect (`REDIS_URL`, `DATABASE_URL`, `S3_*`,
`ANTHROPIC_*`). Every other name begins with `FLUXIMAGE_`. `docs/settings.md` is made from here.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import AliasGenerator, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from shared import environment
from shared.addresses import (
    check_certificates,
    check_database_url,
    check_store_url,
    redis_address,
)
from shared.environment import PREFIX
from shared.errors import OperatorError
from shared.models import Effort
from shared.plans import Plan
from shared.secret_keys import split_keys
from shared.setting_types import (
    Listen,
    Networks,
    Origins,
    Ports,
    Positive,
    amounts_by_name,
    check_absolute,
    checked_by,
)


def _named(name: str, description: str, **more: Any) -> Any:
    """A field whose variable does not begin with FLUXIMAGE_."""
    return Field(validation_alias=name, description=description, **more)


class Settings(BaseSettings):
    """The settings, as `load` reads them; they cannot be changed afterwards."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        case_sensitive=True,
        alias_generator=AliasGenerator(validation_alias=lambda name: PREFIX + name.upper()),
    )

    # Servers
    redis_url: Annotated[SecretStr, checked_by(redis_address)] = _named(
        "REDIS_URL",
        "Address of Redis or Valkey, such as `redis://host:6379/0`, or `rediss://` with TLS.",
    )
    database_url: Annotated[SecretStr, checked_by(check_database_url)] = _named(
        "DATABASE_URL",
        "Address of the PostgreSQL database, such as `postgresql://user@host/name`; several hosts"
        " are separated by commas.",
    )
    s3_endpoint: Annotated[str, checked_by(check_store_url)] = _named(
        "S3_ENDPOINT",
        "Address of the object store for the service itself, such as `http://host:9000`.",
    )
    s3_public_endpoint: Annotated[str, checked_by(check_store_url)] | None = _named(
        "S3_PUBLIC_ENDPOINT",
        "Address of the object store for clients, which signed URLs begin with; unset: the same"
        " as `S3_ENDPOINT`.",
        default=None,
    )
    s3_region: str = _named("S3_REGION", "Region of the bucket.", default="us-east-1")
    s3_bucket: str = _named(
        "S3_BUCKET",
        "Bucket for originals and outputs; it is created when it is missing.",
        default="fluximage",
    )
    s3_access_key: SecretStr = _named("S3_ACCESS_KEY", "Access key of the object store.")
    s3_secret_key: SecretStr = _named("S3_SECRET_KEY", "Secret key of the object store.")
    ca_file: Annotated[Path, checked_by(check_certificates)] | None = Field(
        default=None,
        description="PEM file with the certificates of private CAs, to verify Redis, the object"
        " store and what is called for a client with. For Postgres, write `sslrootcert` into its"
        " address.",
    )

    secret_keys: Annotated[SecretStr, checked_by(split_keys)] | None = Field(
        default=None,
        description="Keys that sign links and encrypt the secrets of webhooks: at least one of 32"
        " or more characters (`openssl rand -hex 32`), separated by commas. The first one signs and"
        " encrypts; keep a replaced key behind it until all that it signed or encrypted has"
        " expired. Needed by the API and by the worker that calls webhooks.",
    )

    web_concurrency: Positive = _named("WEB_CONCURRENCY", "Processes of the API.", default=2)
    metrics_listen: Listen | None = Field(
        default=None,
        description="Second address of the API, such as `127.0.0.1:9100`, which answers `/metrics`"
        " and health checks alone. With it, `/metrics` answers at no other.",
    )

    # What is accepted
    max_pixels: Positive = Field(
        default=100_000_000, description="Maximum pixels of an input image, by its header."
    )
    max_frames: Positive = Field(
        default=1_000, description="Maximum frames of an input image, by its header."
    )
    # So many pixels of the slowest animation found stay within the task limit.
    max_animation_pixels: Positive = Field(
        default=150_000_000,
        description="Maximum frames times pixels per frame of a GIF or WebP animation that stays"
        " an animation.",
    )
    max_queue_age_seconds: Positive = Field(
        default=3_600,
        description="While an image of the account has waited longer than this, POST answers 503.",
    )
    max_queue_images: Positive = Field(
        default=100_000,
        description="Maximum images that wait, of all accounts together; above it, POST answers 503"
        " to accounts with more than their share of them.",
    )
    account_cpu_seconds_per_hour: Positive = Field(
        default=100_000,
        description="Maximum CPU seconds that the images of one account take in an hour, failed"
        " ones too; above it, POST answers 429.",
    )
    requests_per_minute: Positive = Field(
        default=1_200, description="Maximum requests per minute of one account; above it, 429."
    )
    failed_keys_per_minute: Positive = Field(
        default=100,
        description="Maximum refused API keys per minute from one client address; above it they get"
        " 429 in place of 401. Valid keys always pass.",
    )
    account_upload_bytes: Positive = Field(
        default=4_000_000_000,
        description="Maximum bytes that unfinished uploads of one account hold in one API process;"
        " above it, 429. A full batch takes 400 MB.",
    )
    storage_gb: Annotated[Mapping[str, float], NoDecode, amounts_by_name(Plan)] = Field(
        default="free=2, starter=20, pro=500, agency=2000",
        validate_default=True,
        description="GB (10^9 bytes) of originals and results that an account of each plan may have"
        " in the object store at one time; above it, POST answers 403.",
    )
    min_bytes_per_second: Positive = Field(
        default=4_000,
        description="A client that sends a request more slowly than this gets 408, and one that"
        " takes an answer more slowly is cut off.",
    )
    min_rate_seconds: Positive = Field(
        default=30,
        description="Seconds of waiting for a client over which `FLUXIMAGE_MIN_BYTES_PER_SECOND` is"
        " measured, again and again.",
    )
    body_stall_seconds: Positive = Field(
        default=30,
        description="A request that receives no bytes for this many seconds gets 408.",
    )
    max_body_seconds: Positive = Field(
        default=3_600,
        description="Maximum time in which the body of a request must have arrived; then 408.",
    )
    max_uploads: Positive = Field(
        default=500,
        description="Maximum batches that arrive at one time in one API process; above it, 503. One"
        " client address may have half of them.",
    )
    account_uploads: Positive = Field(
        default=200,
        description="Maximum batches of one account that arrive at one time in one API process;"
        " above it, 429.",
    )
    trusted_proxies: Networks = Field(
        default=(),
        description="Addresses or networks, separated by commas, of the proxies whose"
        " `X-Forwarded-For` header is believed.",
    )
    cors_origins: Origins = Field(
        default=frozenset(),
        description="Origins, separated by commas, such as `https://shop.example`, whose pages may"
        " call the API from a browser. Without any, only the page of this service may.",
    )

    # What is called for a client
    outbound_ports: Ports = Field(
        default=frozenset(),
        description="Ports, or ranges such as `8000-8999`, separated by commas, that addresses of"
        " clients (`webhookUrl`) may have besides 80 and 443.",
    )
    outbound_networks: Networks = Field(
        default=(),
        description="Addresses or networks, separated by commas, that may be called for a client"
        " although they are not public.",
    )

    # What is made of it
    effort: Effort = Field(
        default=Effort.BALANCED,
        description="How much CPU is spent for fewer bytes at the same quality.",
    )
    memory_mb: Positive | None = Field(
        default=None,
        description="MB of memory that all images in work on one machine may use together; others"
        " wait. Unset: 60 % of the machine's or the container's memory.",
    )

    run_dir: Annotated[Path, checked_by(check_absolute)] | None = Field(
        default=None,
        description="Folder of the service's own user, in which its processes on one machine share"
        " out memory and leave signs of life. `fluximage up` sets it. Unset: a folder of that user"
        " in `TMPDIR`.",
    )

    # Alt texts and file names; the three ANTHROPIC_ names are those of the `anthropic` package.
    anthropic_api_key: SecretStr | None = _named(
        "ANTHROPIC_API_KEY",
        "API key of the AI provider. Without a key or a token, requests for AI get 503.",
        default=None,
    )
    anthropic_auth_token: SecretStr | None = _named(
        "ANTHROPIC_AUTH_TOKEN", "Token of the AI provider, in place of a key.", default=None
    )
    anthropic_base_url: str | None = _named(
        "ANTHROPIC_BASE_URL",
        "Address of another server that speaks the Messages API.",
        default=None,
    )
    ai_model: str = Field(
        default="claude-haiku-4-5", description="Model that writes alt texts and file names."
    )
    ai_max_tokens: Positive = Field(default=400, description="Maximum tokens of one answer.")
    ai_alt_characters: int = Field(
        default=125, ge=20, le=1_000, description="Maximum characters of an alt text."
    )
    ai_concurrency: int = Field(
        default=32, ge=1, le=500, description="Maximum calls of one `ai` process at the same time."
    )
    ai_timeout_seconds: Positive = Field(default=20, description="Time limit of one call.")
    ai_budget_seconds: Positive = Field(
        default=60,
        description="Time limit of all calls for one image, with the pauses between them.",
    )
    ai_patience_seconds: Positive = Field(
        default=900,
        description="An image that no `ai` worker takes for this long is delivered without text.",
    )
    ai_window_images: Positive = Field(
        default=200,
        description="Maximum images with AI that are sent to workers and have not ended.",
    )
    ai_calls_per_minute: Positive = Field(
        default=1_000, description="Maximum calls per minute of all accounts together."
    )
    ai_account_calls_per_minute: Positive = Field(
        default=500, description="Maximum calls per minute of one account."
    )
    ai_tokens_per_day: Positive = Field(
        default=100_000_000,
        description="Maximum tokens per day (UTC), input, cached and output, of all accounts"
        " together.",
    )
    ai_account_tokens_per_day: Positive = Field(
        default=50_000_000,
        description="Maximum tokens per day (UTC), input, cached and output, of one account.",
    )

    # Waiting
    wait_limit_seconds: Positive = Field(
        default=300, description="Longest time that POST and `?wait=` hold back an answer."
    )
    max_waiters: int = Field(
        default=500,
        ge=0,
        description="Maximum waiting requests in one API process; those above it get 202 at once."
        " One client address may have half of them.",
    )
    account_waiters: Positive = Field(
        default=200,
        description="Maximum waiting requests of one account in one API process; those above it get"
        " 202 at once.",
    )
    max_listeners: Positive = Field(
        default=500,
        description="Maximum clients that listen to events in one API process; above it, 503.",
    )
    account_listeners: Positive = Field(
        default=100,
        description="Maximum clients of one account that listen to events in one API process; above"
        " it, 429.",
    )

    # The queue
    window_images: Positive = Field(
        default=40,
        description="Maximum images that wait in Redis for a `worker` process, on all machines"
        " together. Fewer where they are large; the rest waits in Postgres.",
    )
    max_attempts: Positive = Field(
        default=3,
        description="Maximum attempts per step of an image; then the image fails, or is delivered"
        " without text.",
    )
    task_limit_seconds: Positive = Field(
        default=120, description="A process that works on one image for longer is killed."
    )
    lease_seconds: Positive = Field(
        default=150,
        description="An image whose worker is silent for this long goes to another worker; must be"
        " above `FLUXIMAGE_TASK_LIMIT_SECONDS`.",
    )
    republish_seconds: Positive = Field(
        default=60,
        description="An image that no worker takes for this long is sent again, unless its message"
        " still waits in Redis.",
    )
    sweep_seconds: Positive = Field(
        default=5, description="Pause between two rounds of the `periodic` process."
    )

    # What is kept
    output_seconds: Positive = Field(
        default=86_400,
        description="Outputs are deleted after this time; their session still counts them.",
    )
    url_seconds: int = Field(
        default=86_400,
        ge=1,
        le=7 * 86_400,
        description="Lifetime of a signed URL, which never outlives its output.",
    )
    idempotency_seconds: Positive = Field(
        default=86_400, description="How long an `Idempotency-Key` is remembered."
    )

    # Where a checkout starts, as GET /api/usage returns it
    topup_small: str = Field(
        default="", description="Where the checkout of the small top-up starts (`/api/usage`)."
    )
    topup_medium: str = Field(
        default="", description="Where the checkout of the medium top-up starts (`/api/usage`)."
    )
    topup_large: str = Field(
        default="", description="Where the checkout of the large top-up starts (`/api/usage`)."
    )

    def storage_bytes(self, plan: Plan) -> float:
        """How much an account of that plan may store."""
        return self.storage_gb[plan] * 1e9

    @property
    def ai(self) -> bool:
        """Whether there is a provider to ask."""
        return self.anthropic_api_key is not None or self.anthropic_auth_token is not None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` passes: os.environ must not reach settings made from a mapping."""
        return (init_settings,)

    @field_validator("lease_seconds")
    @classmethod
    def _check_above_task_limit(cls, value: int, info: Any) -> int:
        # A lease that ends before the task is killed lets two workers run the same image.
        limit = info.data.get("task_limit_seconds", 0)
        if value <= limit:
            raise ValueError(
                f"{value} is not above FLUXIMAGE_TASK_LIMIT_SECONDS, which is {limit}. Raise it."
            )
        return value


def names() -> list[str]:
    """The environment variables of all settings, in their order."""
    return [str(field.validation_alias) for field in Settings.model_fields.values()]


def secrets() -> list[str]:
    """The settings that hold a secret: each may stand in a file that `NAME_FILE` names."""
    fields = Settings.model_fields.values()
    return [
        str(field.validation_alias)
        for field in fields
        if SecretStr in (field.annotation, *get_args(field.annotation))
    ]


class _MappingSource(EnvSettingsSource):
    """Reads a mapping in place of os.environ; empty values count as unset."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(Settings)
        self.env_vars = {name: value for name, value in environ.items() if value}


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from `environ` (default: the process's own); empty values count as unset.

    Raises OperatorError that names every fault, one per line; no value that may be secret is in it.
    """
    environ = os.environ if environ is None else environ
    read, unread = environment.with_files_read(environ, secrets())
    faults = [*unread.values(), *environment.misspelt(environ, names())]
    try:
        loaded = Settings(**_MappingSource(read)())
    except ValidationError as error:
        faults += [_sentence(fault) for fault in error.errors() if fault["loc"][0] not in unread]
    _refuse(faults)
    return loaded


def load_or_exit() -> Settings:
    """The settings of the environment, or one message and exit code 1, when a process starts."""
    try:
        return load()
    except OperatorError as error:
        sys.exit(f"fluximage: {error.message}")


def with_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` with the secrets that stand in files as plain variables, for another program.

    Raises OperatorError that names every file that cannot be used.
    """
    read, unread = environment.with_files_read(environ, secrets())
    _refuse(unread.values())
    return read


def strangers(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each name that begins with FLUXIMAGE_ and is no setting's, nor nearly."""
    return environment.strangers(environ, names())


def _refuse(faults: Iterable[str]) -> None:
    if lines := "\n  ".join(faults):
        raise OperatorError(f"The settings cannot be used:\n  {lines}")


def _sentence(fault: ErrorDetails) -> str:
    """What came, what is allowed, what to do. Of the values, only numbers and choices are shown."""
    name = str(fault["loc"][0])
    if fault["type"] == "missing":
        fields = Settings.model_fields.values()
        (meaning,) = (one.description or "" for one in fields if one.validation_alias == name)
        return f"{name}: required, but not set. {meaning.replace('`', '')}"
    if fault["type"] == "value_error":
        return f"{name}: {fault['ctx']['error']}"
    allowed = fault["msg"].replace("Input should be", "It must be").partition(", unable")[0]
    return (
        f'{name}: "{fault["input"]}" cannot be used. {allowed}. Correct it, or unset it to get the'
        " default."
    )
