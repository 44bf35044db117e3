"""Settings are read from the environment, and every fault is reported at once without a secret."""

import pytest

from shared.errors import OperatorError
from shared.settings import load
from tests.support.cases import every_case

NEEDED = {
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "DATABASE_URL": "postgresql://127.0.0.1/fluximage",
    "S3_ENDPOINT": "http://127.0.0.1:9000",
    "S3_ACCESS_KEY": "access",
    "S3_SECRET_KEY": "hush-hush",
}


def test_all_faults_are_reported_together() -> None:
    faulty = {"S3_ENDPOINT": "127.0.0.1:9000", "FLUXIMAGE_MAX_PIXELS": "many"}
    with pytest.raises(OperatorError) as told:
        load(faulty)
    for name in ("REDIS_URL", "DATABASE_URL", "S3_ENDPOINT", "FLUXIMAGE_MAX_PIXELS"):
        assert name in told.value.message


def test_no_secret_shows_in_the_settings_or_their_faults() -> None:
    assert "hush-hush" not in repr(load(NEEDED))
    with pytest.raises(OperatorError) as told:
        load(NEEDED | {"S3_ENDPOINT": "http://hush-hush@x/y"})
    assert "hush-hush" not in told.value.message


@every_case(
    "name, value",
    [
        ("REDIS_URL", "redis://:hush/hush@127.0.0.1:6379/0"),
        ("DATABASE_URL", "postgresql://u:hush/hush@127.0.0.1/x"),
        ("S3_ENDPOINT", "http://127.0.0.1:hush"),
    ],
)
def test_a_password_that_is_taken_for_a_port_is_refused_and_not_shown(
    name: str, value: str
) -> None:
    with pytest.raises(OperatorError, match=f"{name}: .*write / as %2F") as told:
        load(NEEDED | {name: value})
    assert "hush" not in told.value.message


def test_an_empty_value_is_no_value() -> None:
    assert load(NEEDED | {"FLUXIMAGE_MAX_PIXELS": ""}).max_pixels == 100_000_000


def test_a_lease_that_ends_before_the_task_is_refused() -> None:
    with pytest.raises(OperatorError, match="FLUXIMAGE_LEASE_SECONDS"):
        load(NEEDED | {"FLUXIMAGE_LEASE_SECONDS": "120"})


def test_proxies_are_read_as_networks() -> None:
    settings = load(NEEDED | {"FLUXIMAGE_TRUSTED_PROXIES": "10.0.0.0/8, ::1"})
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    with pytest.raises(OperatorError, match="FLUXIMAGE_TRUSTED_PROXIES"):
        load(NEEDED | {"FLUXIMAGE_TRUSTED_PROXIES": "the proxy"})


def test_a_misspelt_name_is_refused_with_the_nearest_name() -> None:
    sentence = "FLUXIMAGE_MAXPIXELS: .* Did you mean FLUXIMAGE_MAX_PIXELS"
    with pytest.raises(OperatorError, match=sentence):
        load(NEEDED | {"FLUXIMAGE_MAXPIXELS": "5"})


def test_a_name_that_resembles_no_setting_is_refused_without_a_guess() -> None:
    with pytest.raises(OperatorError, match=r"FLUXIMAGE_QQQQ: .* docs/settings\.md"):
        load(NEEDED | {"FLUXIMAGE_QQQQ": "5"})


@every_case(
    "name, value, allowed",
    [
        ("FLUXIMAGE_MAX_PIXELS", "many", "valid integer"),
        ("FLUXIMAGE_AI_ALT_CHARACTERS", "19", "greater than or equal to 20"),
        ("FLUXIMAGE_AI_CONCURRENCY", "501", "less than or equal to 500"),
        ("FLUXIMAGE_EFFORT", "quick", "'fast', 'balanced' or 'small'"),
    ],
)
def test_a_fault_says_what_came_and_what_is_allowed(name: str, value: str, allowed: str) -> None:
    with pytest.raises(OperatorError, match=f'{name}: "{value}" cannot be used.*{allowed}'):
        load(NEEDED | {name: value})


def test_each_fault_is_one_line() -> None:
    with pytest.raises(OperatorError) as told:
        load({"FLUXIMAGE_MAX_PIXELS": "many", "FLUXIMAGE_MAXPIXELS": "5"})
    _, *lines = told.value.message.splitlines()
    assert [line.partition(":")[0].strip() for line in lines] == [
        "FLUXIMAGE_MAXPIXELS",
        *NEEDED,
        "FLUXIMAGE_MAX_PIXELS",
    ]


def test_settings_from_a_mapping_do_not_read_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLUXIMAGE_MAX_PIXELS", "5")
    assert load(NEEDED).max_pixels == 100_000_000


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (NEEDED | {"FLUXIMAGE_MAX_PIXELS": "5"}).items():
        monkeypatch.setenv(name, value)
    assert load().max_pixels == 5


@every_case(
    "name, value",
    [
        ("REDIS_URL", "localhost:6379"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("S3_ENDPOINT", "localhost:9000"),
        ("S3_PUBLIC_ENDPOINT", "https://cdn.example.com/path"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused(name: str, value: str) -> None:
    with pytest.raises(OperatorError, match=f"{name}: .*must look like"):
        load(NEEDED | {name: value})
