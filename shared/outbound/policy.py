"""What may be called, as the operator allows it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from shared.settings import Network, Settings


@dataclass(frozen=True)
class Policy:
    """ports: besides 80 and 443. networks: allowed besides the public addresses.

    ca_file: certificates of private CAs, which are trusted besides the system's.
    """

    ports: frozenset[int] = frozenset()
    networks: tuple[Network, ...] = ()
    ca_file: Path | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The policy of this service."""
        return cls(settings.outbound_ports, settings.outbound_networks, settings.ca_file)
