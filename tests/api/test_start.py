"""An API without keys of its own."""

from dataclasses import replace

import pytest

from api.app import build_app
from shared.errors import OperatorError
from shared.services import Services


def test_an_api_without_secret_keys_does_not_start(unit_services: Services) -> None:
    with pytest.raises(OperatorError, match="FLUXIMAGE_SECRET_KEYS"):
        build_app(replace(unit_services, secret_keys=None))
