"""TLS to the servers: one address for every client of Redis, and none that trusts just anyone."""

import io
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from urllib.parse import quote, urlsplit

import pytest
import redis

from shared import services, settings
from shared.clients import pubsub, ratelimit
from shared.clients.celery_queue import celery_app
from shared.clients.object_store import S3Store
from shared.db import sessions
from shared.errors import OperatorError, StoreError, UnavailableError
from shared.services import Services
from shared.settings import Settings
from tests.support.cases import every_case
from tests.support.making import accept, make_account, make_batch, png
from tests.support.processes import eventually
from tests.support.thread_worker import thread_worker
from tests.support.tls import Certificates, TlsProxy, make_certificates

CERTIFICATES = ("untrusted", "other_host", "expired")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@contextmanager
def over_tls(
    environment: Mapping[str, str], name: str, context: ssl.SSLContext, **more: str
) -> Iterator[Settings]:
    """Settings whose server `name` is reached by TLS alone."""
    given = environment[name]
    address = urlsplit(given)
    with TlsProxy(address.port or 0, context) as proxy:
        user = f":{address.password}@" if address.password else ""
        scheme = address.scheme + "s"
        url = f"{scheme}://{user}127.0.0.1:{proxy.port}{address.path}"
        yield settings.load(dict(environment) | {name: url} | more)


def _pubsub(given: Settings) -> None:
    with services.redis_client(given) as client, client.pubsub() as subscription:
        subscription.subscribe("tests")


def _ask_broker(given: Settings) -> None:
    with celery_app(given).connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, interval_start=0)


def _ask_backend(given: Settings) -> None:
    celery_app(given).backend.client.ping()  # type: ignore[attr-defined] # Redis' has it


CLIENTS: list[Callable[[Settings], object]] = [
    lambda given: services.redis_client(given).ping(),
    _pubsub,
    _ask_broker,
    _ask_backend,
]
CLIENT_IDS = ["redis", "pubsub", "broker", "backend"]


@pytest.mark.parametrize("ask", CLIENTS, ids=CLIENT_IDS)
def test_every_client_of_redis_accepts_the_certificate_of_the_named_ca(
    unit_environment: Mapping[str, str],
    certificates: Certificates,
    ask: Callable[[Settings], object],
) -> None:
    ca = {"FLUXIMAGE_CA_FILE": str(certificates.ca_file)}
    with over_tls(unit_environment, "REDIS_URL", certificates.good, **ca) as given:
        ask(given)


@pytest.mark.parametrize("shown", CERTIFICATES)
@pytest.mark.parametrize("ask", CLIENTS, ids=CLIENT_IDS)
def test_every_client_of_redis_refuses_a_certificate_that_proves_nothing(
    unit_environment: Mapping[str, str],
    certificates: Certificates,
    ask: Callable[[Settings], object],
    shown: str,
) -> None:
    ca = {"FLUXIMAGE_CA_FILE": str(certificates.ca_file)}
    context = getattr(certificates, shown)
    with (
        over_tls(unit_environment, "REDIS_URL", context, **ca) as given,
        pytest.raises(Exception, match="certificate verify failed"),
    ):
        ask(given)


@pytest.mark.parametrize("ask", CLIENTS, ids=CLIENT_IDS)
def test_without_a_ca_of_its_own_a_private_server_is_refused(
    unit_environment: Mapping[str, str],
    certificates: Certificates,
    ask: Callable[[Settings], object],
) -> None:
    with (
        over_tls(unit_environment, "REDIS_URL", certificates.good) as given,
        pytest.raises(Exception, match="certificate verify failed"),
    ):
        ask(given)


@pytest.mark.parametrize("ask", CLIENTS, ids=CLIENT_IDS)
def test_every_client_shows_the_certificate_that_the_address_names(
    unit_environment: Mapping[str, str],
    certificates: Certificates,
    ask: Callable[[Settings], object],
) -> None:
    with over_tls(unit_environment, "REDIS_URL", certificates.asks_client) as bare:
        url = bare.redis_url.get_secret_value()
        files = {
            "ssl_ca_certs": certificates.ca_file,
            "ssl_certfile": certificates.client_file,
            "ssl_keyfile": certificates.client_file,
        }
        options = "&".join(f"{name}={quote(str(path))}" for name, path in files.items())
        # Each of these was asked for by one client and not understood by another.
        options += "&ssl_cert_reqs=CERT_REQUIRED&ssl_check_hostname=true"
        ask(settings.load(dict(unit_environment) | {"REDIS_URL": f"{url}?{options}"}))


def test_a_batch_goes_through_a_queue_with_tls(
    unit: Services,  # noqa: ARG001 - empties the queue
    unit_environment: Mapping[str, str],
    certificates: Certificates,
) -> None:
    ca = {"FLUXIMAGE_CA_FILE": str(certificates.ca_file)}
    with (
        over_tls(unit_environment, "REDIS_URL", certificates.good, **ca) as given,
        closing(services.build(given)) as built,
    ):
        account, _ = make_account(built)
        batch = make_batch(built, account, ["a.png", "b.png"], data=png())
        accept(built, batch)
        with thread_worker(built):
            built.dispatch()
            assert eventually(lambda: sessions.is_batch_closed(built.database, batch.id))
            # Only the chord's body deletes them here, so its backend works too.
            assert eventually(lambda: built.store.last_modified(f"{batch.id}/in/") is None)


def test_what_needs_no_redis_goes_on_where_its_certificate_is_refused(
    unit_environment: Mapping[str, str], certificates: Certificates
) -> None:
    with (
        over_tls(unit_environment, "REDIS_URL", certificates.untrusted) as given,
        closing(services.build(given)) as built,
    ):
        ratelimit.count_request(built.redis, 1, 1)
        pubsub.publish(built.redis, [])
        with pytest.raises(UnavailableError):
            built.queue.ping()
        with pytest.raises(redis.RedisError):
            built.redis.ping()


def test_an_object_store_with_a_private_ca_is_used(
    unit_environment: Mapping[str, str], certificates: Certificates
) -> None:
    ca = {"FLUXIMAGE_CA_FILE": str(certificates.ca_file)}
    with over_tls(unit_environment, "S3_ENDPOINT", certificates.good, **ca) as given:
        store = S3Store(given)
        store.prepare()
        store.put("tls", io.BytesIO(b"?"), 1, "text/plain")
        assert store.get("tls") == b"?"
        store.delete("tls")


@pytest.mark.parametrize("shown", CERTIFICATES)
def test_an_object_store_whose_certificate_proves_nothing_is_refused(
    unit_environment: Mapping[str, str], certificates: Certificates, shown: str
) -> None:
    ca = {"FLUXIMAGE_CA_FILE": str(certificates.ca_file)}
    context = getattr(certificates, shown)
    with over_tls(unit_environment, "S3_ENDPOINT", context, **ca) as given:
        with pytest.raises(StoreError) as refused:
            S3Store(given).get("tls")
        assert "certificate" in refused.value.reason


@every_case(
    "url, words",
    [
        ("rediss://h?ssl_cert_reqs=none", "accept any server's certificate"),
        ("rediss://h?ssl_cert_reqs=CERT_OPTIONAL", "accept any server's certificate"),
        ("rediss://h?ssl_check_hostname=false", "accept any server's certificate"),
        ("redis://h?ssl_ca_certs=/etc/hosts", "needs TLS"),
        ("rediss://h?ssl_ca_certs=/nowhere.pem", "/nowhere.pem cannot be read"),
        ("rediss://h?ssl_ca_certs=/etc/hosts", "no certificates in PEM format"),
        ("rediss://h?ssl_ciphers=x", "not known"),
        ("redis://h?db=3", "not known"),
        ("redis://h/three", "number of a database"),
        ("redis://:p#q@h/0", "write / as %2F"),
    ],
)
def test_an_address_that_clients_would_read_differently_is_refused(url: str, words: str) -> None:
    needed = {"DATABASE_URL": "postgresql://h/x", "S3_ENDPOINT": "http://h"}
    keys = {"S3_ACCESS_KEY": "k", "S3_SECRET_KEY": "k"}
    with pytest.raises(OperatorError, match=words):
        settings.load(needed | keys | {"REDIS_URL": url})
