"""Clients of the package `fluximage`, of the running service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import fluximage
from tests.client.line import Line
from tests.support.client import Client
from tests.support.making import png


@pytest.fixture
def flux(client: Client) -> Iterator[fluximage.Client]:
    """A client with a new agency account."""
    with fluximage.Client(client.url, client.key, retry_seconds=60) as made:
        yield made


@pytest.fixture
def line(client: Client) -> Iterator[Line]:
    """A line to the running service that can break."""
    with Line(client.url) as made:
        yield made


@pytest.fixture
def by_line(client: Client, line: Line) -> Iterator[fluximage.Client]:
    """A client, with the same account as `client`, that calls over `line`."""
    with fluximage.Client(line.url, client.key, retry_seconds=60) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """24 pictures in three folders, of which each has the same names."""
    for above in ("shoes/red", "shoes/blue", "hüte"):
        inside = tmp_path / "photos" / above
        inside.mkdir(parents=True)
        for number in range(8):
            (inside / f"{number:02}.png").write_bytes(png(9 + number, 9))
    return tmp_path / "photos"
