"""The one reader of the environment: frozen defaults, then load, then validate.

Servers are named as their users expect (`REDIS_URL`, `DATABASE_URL`, `S3_*`); everything that
is ours begins with `FLUXIMAGE_`. All faults are reported together by `load`.
"""

import os
import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)

from shared.errors import OperatorError
from shared.models import Effort

Text = TypeVar("Text", bound=str | SecretStr)
Network = IPv4Network | IPv6Network
Seconds = Annotated[int, Field(ge=1)]


def _env(name: str, **limits: Any) -> Any:
    return Field(validation_alias=AliasChoices(name), **limits)


def _looking_like(value: Text, pattern: str, example: str) -> Text:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not re.fullmatch(pattern, text):
        raise ValueError(f"must look like {example}")
    try:
        _ = urlsplit(text).port
    except ValueError:
        # A / in a password ends the host. Whoever met it later would name what it took for the
        # port, and that is the password.
        raise ValueError("has a host or port that is none; a / in a password is %2F") from None
    return value


class Settings(BaseModel):
    """Every setting of the service. README's table says the same for operators."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    # Servers
    redis_url: SecretStr = _env("REDIS_URL")
    database_url: SecretStr = _env("DATABASE_URL")
    s3_endpoint: str = _env("S3_ENDPOINT")
    s3_public_endpoint: str | None = _env("S3_PUBLIC_ENDPOINT", default=None)
    s3_region: str = _env("S3_REGION", default="us-east-1")
    s3_bucket: str = _env("S3_BUCKET", default="fluximage")
    s3_access_key: SecretStr = _env("S3_ACCESS_KEY")
    s3_secret_key: SecretStr = _env("S3_SECRET_KEY")

    # What is accepted
    max_pixels: int = _env("FLUXIMAGE_MAX_PIXELS", default=100_000_000, ge=1)
    max_frames: int = _env("FLUXIMAGE_MAX_FRAMES", default=1_000, ge=1)
    # The slowest that was found, noise with alpha at quality 100 to AVIF, takes 0.55 s a megapixel:
    # 83 s here, within the task limit. Films take 0.06 to 0.15.
    max_animation_pixels: int = _env("FLUXIMAGE_MAX_ANIMATION_PIXELS", default=150_000_000, ge=1)
    max_queue_age_seconds: Seconds = _env("FLUXIMAGE_MAX_QUEUE_AGE_SECONDS", default=3_600)
    requests_per_minute: int = _env("FLUXIMAGE_REQUESTS_PER_MINUTE", default=1_200, ge=1)
    failed_keys_per_minute: int = _env("FLUXIMAGE_FAILED_KEYS_PER_MINUTE", default=100, ge=1)
    account_upload_bytes: int = _env("FLUXIMAGE_ACCOUNT_UPLOAD_BYTES", default=4_000_000_000, ge=1)
    body_stall_seconds: Seconds = _env("FLUXIMAGE_BODY_STALL_SECONDS", default=30)
    trusted_proxies: tuple[Network, ...] = _env("FLUXIMAGE_TRUSTED_PROXIES", default=())

    # What is made of it
    effort: Effort = _env("FLUXIMAGE_EFFORT", default=Effort.BALANCED)
    # What images in work on one machine may need together; None: a share of what there is.
    memory_mb: int | None = _env("FLUXIMAGE_MEMORY_MB", default=None, ge=1)

    # Alt texts and file names, by the Messages API; the first three as the `anthropic`
    # package reads them. Without a key or a token AI is refused.
    anthropic_api_key: SecretStr | None = _env("ANTHROPIC_API_KEY", default=None)
    anthropic_auth_token: SecretStr | None = _env("ANTHROPIC_AUTH_TOKEN", default=None)
    anthropic_base_url: str | None = _env("ANTHROPIC_BASE_URL", default=None)
    ai_model: str = _env("FLUXIMAGE_AI_MODEL", default="claude-haiku-4-5")
    ai_max_tokens: int = _env("FLUXIMAGE_AI_MAX_TOKENS", default=400, ge=1)
    ai_alt_characters: int = _env("FLUXIMAGE_AI_ALT_CHARACTERS", default=125, ge=20, le=1_000)
    ai_concurrency: int = _env("FLUXIMAGE_AI_CONCURRENCY", default=32, ge=1, le=500)
    ai_timeout_seconds: Seconds = _env("FLUXIMAGE_AI_TIMEOUT_SECONDS", default=20)  # of a call
    ai_budget_seconds: Seconds = _env("FLUXIMAGE_AI_BUDGET_SECONDS", default=60)  # of an image
    ai_patience_seconds: Seconds = _env("FLUXIMAGE_AI_PATIENCE_SECONDS", default=900)
    ai_window_images: int = _env("FLUXIMAGE_AI_WINDOW_IMAGES", default=200, ge=1)
    ai_calls_per_minute: int = _env("FLUXIMAGE_AI_CALLS_PER_MINUTE", default=1_000, ge=1)
    ai_account_calls_per_minute: int = _env(
        "FLUXIMAGE_AI_ACCOUNT_CALLS_PER_MINUTE", default=500, ge=1
    )
    ai_tokens_per_day: int = _env("FLUXIMAGE_AI_TOKENS_PER_DAY", default=100_000_000, ge=1)
    ai_account_tokens_per_day: int = _env(
        "FLUXIMAGE_AI_ACCOUNT_TOKENS_PER_DAY", default=50_000_000, ge=1
    )

    # Waiting
    wait_limit_seconds: Seconds = _env("FLUXIMAGE_WAIT_LIMIT_SECONDS", default=300)
    max_waiters: int = _env("FLUXIMAGE_MAX_WAITERS", default=500, ge=0)

    # The queue
    window_images: int = _env("FLUXIMAGE_WINDOW_IMAGES", default=40, ge=1)
    max_attempts: int = _env("FLUXIMAGE_MAX_ATTEMPTS", default=3, ge=1)
    task_limit_seconds: Seconds = _env("FLUXIMAGE_TASK_LIMIT_SECONDS", default=120)
    lease_seconds: Seconds = _env("FLUXIMAGE_LEASE_SECONDS", default=150)
    republish_seconds: Seconds = _env("FLUXIMAGE_REPUBLISH_SECONDS", default=60)
    sweep_seconds: Seconds = _env("FLUXIMAGE_SWEEP_SECONDS", default=5)

    # What is kept
    output_seconds: Seconds = _env("FLUXIMAGE_OUTPUT_SECONDS", default=86_400)
    url_seconds: Seconds = _env("FLUXIMAGE_URL_SECONDS", default=86_400, le=7 * 86_400)
    idempotency_seconds: Seconds = _env("FLUXIMAGE_IDEMPOTENCY_SECONDS", default=86_400)

    # Where a checkout starts, as GET /api/usage tells it
    topup_small: str = _env("FLUXIMAGE_TOPUP_SMALL", default="")
    topup_medium: str = _env("FLUXIMAGE_TOPUP_MEDIUM", default="")
    topup_large: str = _env("FLUXIMAGE_TOPUP_LARGE", default="")

    @property
    def ai(self) -> bool:
        """Whether there is a provider to ask."""
        return self.anthropic_api_key is not None or self.anthropic_auth_token is not None

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr) -> SecretStr:
        return _looking_like(value, r"rediss?://.+", "redis://host:6379/0")

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: SecretStr) -> SecretStr:
        return _looking_like(value, r"postgres(ql)?://.+", "postgresql://user@host/name")

    @field_validator("s3_endpoint", "s3_public_endpoint")
    @classmethod
    def _is_endpoint(cls, value: str | None) -> str | None:
        return value and _looking_like(value, r"https?://[^/]+/?", "http://host:port")

    @field_validator("lease_seconds")
    @classmethod
    def _above_limit(cls, value: int, info: Any) -> int:
        # A lease that ends before the task is killed lets two workers run the same image.
        if value <= info.data.get("task_limit_seconds", 0):
            raise ValueError("must be above FLUXIMAGE_TASK_LIMIT_SECONDS")
        return value


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from `environ` (default: the process's own); empty values count as unset.

    Raises OperatorError with one line a fault, all faults together; values are not repeated,
    since some are secret.
    """
    environ = os.environ if environ is None else environ
    names = {field.validation_alias.choices[0] for field in Settings.model_fields.values()}  # type: ignore[union-attr] # all have one
    faults = [
        f"{name}: is no setting"
        for name in environ
        if name.startswith("FLUXIMAGE_") and name not in names
    ]
    try:
        loaded = Settings.model_validate({k: v for k, v in environ.items() if v})
    except ValidationError as error:
        faults += [f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors()]
    if faults:
        raise OperatorError("The settings are not usable:\n  " + "\n  ".join(faults))
    return loaded
