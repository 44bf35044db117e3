"""Shops for the tests of retries."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from shared.plans import Plan
from shared.services import Services
from tests.api.conftest import in_process
from tests.api.retry.shop import Shop, make_shop
from tests.support.memory_store import with_memory_store


@pytest.fixture
def services(unit: Services) -> Services:
    settings = unit.settings.model_copy(update={"anthropic_api_key": SecretStr("never used")})
    return with_memory_store(replace(unit, settings=settings))


@pytest.fixture
def http(services: Services) -> Iterator[FlaskClient]:
    with in_process(services) as client:
        yield client


@pytest.fixture
def shop(unit: Services, http: FlaskClient, services: Services) -> Shop:
    return make_shop(unit, http, services, Plan.AGENCY)


@pytest.fixture
def starter(unit: Services, http: FlaskClient, services: Services) -> Shop:
    """On a plan with 200 images and 200 AI credits."""
    return make_shop(unit, http, services, Plan.STARTER)
