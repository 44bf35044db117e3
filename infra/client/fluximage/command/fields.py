"""The options of an image on the command line, and what is wrong with them before any upload."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from fluximage.command.header import type_of
from fluximage.options import Format, Options

F = TypeVar("F", bound=Callable[..., Any])
LANGUAGES = (
    *("English", "Español", "Català", "Français", "Deutsch", "Italiano", "Português", "Nederlands"),
    *("Polski", "Русский", "中文", "日本語", "한국어", "Arabic", "Hindi"),
)
POSITIONS = ("TL", "TC", "TR", "ML", "MC", "MR", "BL", "BC", "BR")
WATERMARK_MAX_BYTES = 5 * 1024 * 1024
SESSION = r"[A-Za-z0-9._:-]{1,128}"
LONGEST_BRIEF = 300


class FormatType(click.Choice[str]):
    """webp, avif, jpg or png; jpeg is jpg."""

    def __init__(self) -> None:
        super().__init__(("webp", "avif", "jpg", "png"), case_sensitive=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As the service writes it."""
        return super().convert("jpg" if str(value).lower() == "jpeg" else value, param, ctx)


def image_options(command: F) -> F:
    """The options that say how an image is made."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _brief(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value and len(value) > LONGEST_BRIEF:
        raise click.BadParameter(
            f"it has {len(value)} characters; allowed are {LONGEST_BRIEF}.", param=param
        )
    return value


def session_name(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """The name of a session, if the service allows it."""
    if value and (not re.fullmatch(SESSION, value) or value in (".", "..")):
        raise click.BadParameter(
            f"{value!r}; allowed are 1 to 128 of A-Z a-z 0-9 . _ : -", param=param
        )
    return value


def _watermark(_: click.Context, param: click.Parameter, value: Path | None) -> bytes | None:
    if value is None:
        return None
    content = value.read_bytes()
    if type_of(content) != "png" or len(content) > WATERMARK_MAX_BYTES:
        found = type_of(content) or "no image"
        raise click.BadParameter(
            f"{value} is {found} of {len(content):,} bytes; allowed is a PNG of at most"
            f" {WATERMARK_MAX_BYTES:,} bytes.",
            param=param,
        )
    return content


_SIDE = click.IntRange(1, 65535)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OPTIONS = (
    click.option("--format", "file_format", type=FormatType()),
    click.option("--quality", type=click.IntRange(40, 100)),
    click.option("--max-width", type=_SIDE),
    click.option("--max-height", type=_SIDE),
    click.option("--watermark", type=_FILE, callback=_watermark),
    click.option("--watermark-scale", type=click.IntRange(5, 50)),
    click.option("--watermark-opacity", type=click.IntRange(0, 100)),
    click.option("--watermark-position", type=click.Choice(POSITIONS, case_sensitive=False)),
    click.option("--alt-text", is_flag=True),
    click.option("--rename", is_flag=True),
    click.option("--language", type=click.Choice(LANGUAGES, case_sensitive=False)),
    click.option("--context", callback=_brief),
    click.option("--keywords", callback=_brief),
    click.option("--session", "session_id", callback=session_name),
    click.option("--webhook-url"),
)


def options_of(given: dict[str, Any]) -> Options:
    """The options of an image among those of a command; the format is set for each image."""
    for name in ("watermark_scale", "watermark_opacity", "watermark_position"):
        if given[name] is not None and given["watermark"] is None:
            raise click.UsageError(
                f"{_typed(name)} has no watermark; type --watermark FILE.png, too."
            )
    for name in ("language", "context", "keywords"):
        if given[name] is not None and not (given["alt_text"] or given["rename"]):
            raise click.UsageError(
                f"{_typed(name)} guides texts; type --alt-text or --rename, too."
            )
    names = Options.__dataclass_fields__.keys() - {"format"}
    return Options(**{name: given[name] for name in names})


def _typed(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def digest_of(options: Options, more: dict[str, Any]) -> str:
    """A digest of all that shapes a result and its name; who is told of it does not."""
    shaping = replace(options, webhook_url=None)
    text = json.dumps([shaping.fingerprint(), more], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def with_format(options: Options, file_format: Format | None) -> Options:
    """The options, for one format."""
    return replace(options, format=file_format)
