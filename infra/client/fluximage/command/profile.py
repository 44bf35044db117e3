"""Which server, and with which key: flags, then the environment, then the file of profiles.

# ~/.config/fluximage/config.toml
[default]
url = "https://images.example.com"
api_key = "flx_live_…"
"""

import json
import os
import stat
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click
from platformdirs import user_config_path

from fluximage.command.exits import CommandError, Exit

F = TypeVar("F", bound=Callable[..., Any])
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# What `fluximage up` leaves in the folder where it runs.
READY = Path(".fluximage/ready.json")


@dataclass(frozen=True)
class Server:
    """Where the service is, and the key that it is called with (which no text shows)."""

    url: str
    api_key: str = field(repr=False)


def config_file() -> Path:
    """Where the profiles are, by the habit of each system."""
    return user_config_path("fluximage") / "config.toml"


def server_options(command: F) -> F:
    """The options of every command that calls a server."""
    for option in (
        click.option("--key-file", type=click.Path(exists=True, dir_okay=False, path_type=Path)),
        click.option("--profile"),
        click.option("--url"),
    ):
        command = option(command)
    return command


SERVER_HELP = """\
  --url URL             the server  [FLUXIMAGE_URL]
  --key-file FILE       holds the API key  [FLUXIMAGE_API_KEY]
  --profile NAME        a table of config.toml  [FLUXIMAGE_PROFILE]"""


def find_server(url: str | None, key_file: Path | None, profile: str | None) -> Server:
    """The server to call; raises CommandError when it is not said, or the key is not.

    A profile that is named by the flag beats the environment, as any flag does.
    """
    environment = os.environ
    named = _read(profile) if profile else {}
    other = {} if profile else _read(environment.get("FLUXIMAGE_PROFILE"))
    here = _service_of_this_folder()
    key = key_file.read_text().strip() if key_file else None
    places = (named, _variables(environment), other)
    found_url = url or _first(places, "url")
    found_key = key or _first(places, "api_key")
    if not found_url and not found_key and here:
        if not here.api_key:
            raise CommandError(
                "The demo account of the service in this folder got another key. Set FLUXIMAGE_URL"
                " and FLUXIMAGE_API_KEY; the terminal of `fluximage up` says how to make another.",
                Exit.REFUSED,
            )
        return here
    if not found_url:
        raise CommandError(
            "No server is set. Type --url https://…, or set FLUXIMAGE_URL, or write the url into"
            f" {config_file()}; `fluximage up` starts a server in this folder.",
            Exit.USAGE,
        )
    if urlsplit(found_url).scheme not in ("http", "https") or not urlsplit(found_url).hostname:
        raise CommandError(
            f"The server's address is {found_url!r}; it begins with http:// or https://.",
            Exit.USAGE,
        )
    if not found_key:
        raise CommandError(
            "No API key is set. Set FLUXIMAGE_API_KEY, or type --key-file FILE, or write api_key"
            f" into {config_file()}.",
            Exit.REFUSED,
        )
    if not found_key.isascii() or not found_key.isprintable() or " " in found_key:
        raise CommandError("The API key has characters that no key has.", Exit.REFUSED)
    return Server(found_url, found_key)


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    names = {"url": "FLUXIMAGE_URL", "api_key": "FLUXIMAGE_API_KEY"}
    return {
        name: environment[variable] for name, variable in names.items() if environment.get(variable)
    }


def _first(places: tuple[Mapping[str, str], ...], name: str) -> str | None:
    return next((place[name].strip() for place in places if place.get(name)), None)


def _read(profile: str | None) -> dict[str, str]:
    """The table of `profile`; without a name, that of `default` if there is one."""
    path = config_file()
    try:
        tables = tomllib.loads(path.read_text())
    except FileNotFoundError:
        tables = {}
    except (OSError, ValueError) as error:  # the error of TOML says the line and no value
        raise CommandError(f"{path} cannot be read: {error}.", Exit.USAGE) from None
    name = profile or "default"
    table = tables.get(name)
    if table is None and profile is None:
        return {}
    if not isinstance(table, dict):
        there = ", ".join(key for key, value in tables.items() if isinstance(value, dict)) or "none"
        raise CommandError(f"{path} has no profile {name!r}; it has: {there}.", Exit.USAGE)
    for key, value in table.items():
        if key not in ("url", "api_key") or not isinstance(value, str):
            raise CommandError(
                f"{path}: [{name}] has {key}; allowed are url and api_key, as texts.", Exit.USAGE
            )
    if "api_key" in table:
        _warn_of_readers(path)
    return table


def _warn_of_readers(path: Path) -> None:
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        print(
            f"fluximage: {path} holds a key and others can read it; type: chmod 600 {path}",
            file=sys.stderr,
        )


def _service_of_this_folder() -> Server | None:
    """What `fluximage up` announced here, when it is this user's and on this machine."""
    try:
        if os.name != "posix" or READY.stat().st_uid != os.geteuid():
            return None
        told = json.loads(READY.read_text())
        server = Server(told["url"], told.get("api_key", ""))  # none: it was rolled
        return server if urlsplit(server.url).hostname in LOOPBACK else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
