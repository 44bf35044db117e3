"""Types of settings: how the text of a variable becomes a value, and what is refused.

What a check raises is ValueError with a sentence, which `shared.settings` shows.
"""

import re
from collections.abc import Callable, Collection
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

Network = IPv4Network | IPv6Network
Positive = Annotated[int, Field(ge=1)]


def checked_by(check: Callable[[str], object]) -> AfterValidator:
    """Lets a value pass unless `check` raises ValueError for its text."""

    def checked(value: SecretStr | Path | str) -> SecretStr | Path | str:
        check(value.get_secret_value() if isinstance(value, SecretStr) else str(value))
        return value

    return AfterValidator(checked)


def check_absolute(path: str) -> None:
    """Raises ValueError for a path that means another place in another working directory."""
    if not Path(path).is_absolute():
        raise ValueError(f'"{path}" is not an absolute path. Begin it with "/".')


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def amounts_by_name(names: Collection[str]) -> BeforeValidator:
    """Reads a text such as `small=2, large=0.5`, with an amount above 0 for each of the names."""

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        given = [part.partition("=")[::2] for part in _parts(value)]
        if sorted(name.strip() for name, _ in given) != sorted(names):
            raise ValueError(
                f'"{value}" does not name each of {", ".join(names)} once. Set all, such as'
                f" {', '.join(f'{name}=10' for name in names)}."
            )
        return {name.strip(): _amount(amount.strip()) for name, amount in given}

    return BeforeValidator(read)


def _amount(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or not float(text):
        raise ValueError(f'"{text}" is no number above 0.')
    return float(text)


def _ports(value: object) -> object:
    if not isinstance(value, str):
        return value
    return frozenset(port for part in _parts(value) for port in _range(part))


def _range(text: str) -> range:
    ends = re.fullmatch(r"([0-9]{1,5})(?:\s*-\s*([0-9]{1,5}))?", text)
    first, last = (int(ends[1]), int(ends[2] or ends[1])) if ends else (0, 0)
    if not 1 <= first <= last <= 65_535:
        raise ValueError(
            f'"{text}" is no port and no range. Set ports of 1 to 65535, separated by commas, such'
            " as 8080, 9000-9100."
        )
    return range(first, last + 1)


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return tuple(map(ip_network, _parts(value)))
    except ValueError as error:
        raise ValueError(
            f"{error}. Set addresses or networks, separated by commas, such as 10.0.0.0/8, ::1."
        ) from None


def _origins(value: object) -> object:
    if not isinstance(value, str):
        return value
    return frozenset(map(_origin, _parts(value)))


def _origin(text: str) -> str:
    """An origin as browsers send it (RFC 6454, 6.2): in lower case, without the default port."""
    host, port = r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]", r"[1-9][0-9]{0,4}"
    found = re.fullmatch(rf"(?P<scheme>https?)://({host})(:(?P<port>{port}))?", text)
    if found is None:
        raise ValueError(
            f'"{text}" is no origin that can be allowed. Set exact origins, separated by commas,'
            " such as https://shop.example or http://localhost:3000: scheme, host in lower case,"
            " and port, without a path or a slash at the end."
        )
    number = int(found["port"] or 0)
    if number > 65_535 or (found["scheme"], number) in (("http", 80), ("https", 443)):
        raise ValueError(f'"{text}" has a port that browsers never send. Leave it out.')
    return text


def _listen(value: object) -> object:
    """`127.0.0.1:9100` or `[::1]:9100`, as the system names the address of a listening socket."""
    if not isinstance(value, str):
        return value
    host, _, port = value.rpartition(":")
    bracketed = re.fullmatch(r"\[(.*:.*)\]", host)
    try:
        address = ip_address(bracketed[1] if bracketed else host)
        (number,) = _range(port)
    except ValueError:
        raise ValueError(
            f'"{value}" is no address to listen at. Set an IP address and a port, such as'
            " 127.0.0.1:9100, [::1]:9100, or 0.0.0.0:9100 for all networks."
        ) from None
    return str(address), number


# NoDecode: pydantic-settings would read the text as JSON.
Ports = Annotated[frozenset[int], NoDecode, BeforeValidator(_ports)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]
Listen = Annotated[tuple[str, int], NoDecode, BeforeValidator(_listen)]
Origins = Annotated[frozenset[str], NoDecode, BeforeValidator(_origins)]
