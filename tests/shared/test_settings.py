"""Settings are read from the environment, and every fault is reported at once without a secret."""

import re
from pathlib import Path

import pytest

from shared.errors import OperatorError
from shared.plans import Plan
from shared.settings import load, names, secrets, strangers
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


@every_case("ports", ["0", "65536", "9-8", "80;81", "-1", "1-2-3", "http", "８０", "1.5", "80-"])
def test_what_is_no_port_and_no_range_is_refused(ports: str) -> None:
    with pytest.raises(OperatorError, match=f'FLUXIMAGE_OUTBOUND_PORTS: "{ports}" is no port'):
        load(NEEDED | {"FLUXIMAGE_OUTBOUND_PORTS": f"80, {ports}"})


def test_networks_that_may_be_called_are_checked() -> None:
    with pytest.raises(OperatorError, match=r"FLUXIMAGE_OUTBOUND_NETWORKS: .*host bits"):
        load(NEEDED | {"FLUXIMAGE_OUTBOUND_NETWORKS": "10.0.0.1/8"})


def test_a_misspelt_name_is_refused_with_the_nearest_name() -> None:
    sentence = "FLUXIMAGE_MAXPIXELS: .* Did you mean FLUXIMAGE_MAX_PIXELS"
    with pytest.raises(OperatorError, match=sentence):
        load(NEEDED | {"FLUXIMAGE_MAXPIXELS": "5"})


@every_case(
    "name, meant",
    [
        ("FLUXIMAGE_MAX_PIXLES", "FLUXIMAGE_MAX_PIXELS"),
        ("fluximage_max_pixels", "FLUXIMAGE_MAX_PIXELS"),
        ("FLUX_IMAGE_MAX_PIXELS", "FLUXIMAGE_MAX_PIXELS"),
        ("FLUXIMAGE_LEASE", "FLUXIMAGE_LEASE_SECONDS"),
        ("FLUXIMAGE_REDIS_URL", "REDIS_URL"),
        ("FLUXIMAGE_S3_BUCKET", "S3_BUCKET"),
        ("FLUXIMAGE_MAX_PIXELS_FILE", "FLUXIMAGE_MAX_PIXELS"),
    ],
)
def test_a_near_miss_of_a_name_is_refused_with_the_name_that_was_meant(
    name: str, meant: str
) -> None:
    with pytest.raises(OperatorError, match=rf"{name}: .* Did you mean {meant}\?"):
        load(NEEDED | {name: "5"})


# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables, for
# Services called `fluximage`, `fluximage-api` and `fluximage-max-pixels`.
KUBERNETES = {
    f"FLUXIMAGE_{service}{name}": value
    for service in ("", "API_", "MAX_PIXELS_")
    for name, value in {
        "SERVICE_HOST": "10.0.0.11",
        "SERVICE_PORT": "8080",
        "SERVICE_PORT_HTTP": "8080",
        "PORT": "tcp://10.0.0.11:8080",
        "PORT_8080_TCP": "tcp://10.0.0.11:8080",
        "PORT_8080_TCP_PROTO": "tcp",
        "PORT_8080_TCP_PORT": "8080",
        "PORT_8080_TCP_ADDR": "10.0.0.11",
    }.items()
}
OF_CLIENTS = {"FLUXIMAGE_URL": "http://127.0.0.1:8080", "FLUXIMAGE_API_KEY": "flx_live_0"}


def test_what_kubernetes_and_our_clients_set_passes_without_a_word() -> None:
    others = KUBERNETES | OF_CLIENTS
    load(NEEDED | others)
    assert strangers(others) == []


def test_no_setting_has_a_name_that_kubernetes_may_set() -> None:
    injected = re.compile(r".*_(PORT|SERVICE_HOST|SERVICE_PORT(_.*)?|PORT_\d.*)")
    assert [name for name in names() if injected.fullmatch(name)] == []


def test_an_address_of_kubernetes_in_a_setting_is_refused_with_a_sentence() -> None:
    with pytest.raises(OperatorError, match="REDIS_URL: It must look like redis://"):
        load(NEEDED | {"REDIS_URL": "tcp://10.0.0.11:6379"})


@every_case("name", ["FLUXIMAGE_QQQQ", "FLUXIMAGE_IMAGE_TAG", "FLUXIMAGE_BASE_URL"])
def test_a_name_that_resembles_no_setting_passes_and_is_told(name: str) -> None:
    load(NEEDED | {name: "5"})
    (sentence,) = strangers(NEEDED | {name: "5"})
    assert sentence.startswith(f"{name} is set, but there is no such setting")


@every_case(
    "name, value, allowed",
    [
        ("FLUXIMAGE_MAX_PIXELS", "many", "valid integer"),
        ("FLUXIMAGE_AI_ALT_CHARACTERS", "19", "greater than or equal to 20"),
        ("FLUXIMAGE_AI_CONCURRENCY", "501", "less than or equal to 500"),
        ("FLUXIMAGE_EFFORT", "quick", "'fast', 'balanced' or 'small'"),
        ("WEB_CONCURRENCY", "auto", "valid integer"),
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


@every_case("name", secrets())
def test_a_secret_is_read_from_a_file_without_the_line_break_at_its_end(
    name: str, tmp_path: Path
) -> None:
    value = NEEDED.get(name, "hush-hush")
    file = tmp_path / "secret"
    file.write_text(f"{value}\n")
    given = NEEDED | {f"{name}_FILE": str(file)}
    given.pop(name, None)
    loaded = getattr(load(given), name.lower())
    assert loaded.get_secret_value() == value


def test_every_setting_that_is_hidden_may_stand_in_a_file() -> None:
    assert secrets() == [
        "REDIS_URL",
        "DATABASE_URL",
        "S3_ACCESS_KEY",
        "S3_SECRET_KEY",
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
    ]


@every_case(
    "content, sentence",
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"hush\nhush\n", "holds more than one line of at most 65536 bytes"),
        (b"hush\0", "holds more than one line of at most 65536 bytes"),
        (b"hush" * 20_000, "holds more than one line of at most 65536 bytes"),
        (b"hush\xff", "is not text in UTF-8"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused_in_one_line_that_does_not_show_it(
    content: bytes | None, sentence: str, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    given = {name: value for name, value in NEEDED.items() if name != "S3_SECRET_KEY"}
    with pytest.raises(OperatorError) as told:
        load(given | {"S3_SECRET_KEY_FILE": str(file)})
    _, *lines = told.value.message.splitlines()
    assert [line.strip() for line in lines] == [f"S3_SECRET_KEY_FILE: {file} {sentence}."]
    assert "hush" not in told.value.message


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    given = {name: value for name, value in NEEDED.items() if name != "REDIS_URL"}
    with pytest.raises(OperatorError, match=r"REDIS_URL_FILE: .*: Is a directory\.$"):
        load(given | {"REDIS_URL_FILE": str(tmp_path)})


def test_a_secret_that_is_set_and_in_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush")
    with pytest.raises(OperatorError, match="S3_ACCESS_KEY_FILE: S3_ACCESS_KEY is set too"):
        load(NEEDED | {"S3_ACCESS_KEY_FILE": str(tmp_path / "secret")})


def test_an_empty_name_of_a_file_is_no_value() -> None:
    assert load(NEEDED | {"S3_ACCESS_KEY_FILE": ""}).s3_access_key.get_secret_value() == "access"


def test_a_faulty_address_in_a_file_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("mysql://u:hush@host/x")
    given = {name: value for name, value in NEEDED.items() if name != "DATABASE_URL"}
    with pytest.raises(OperatorError, match="DATABASE_URL: It must look like") as told:
        load(given | {"DATABASE_URL_FILE": str(tmp_path / "secret")})
    assert "hush" not in told.value.message


@every_case(
    "origin",
    [
        *("*", "null", "https://*.example", "shop.example", "//shop.example", "file://"),
        *("https://shop.example/", "https://shop.example/a", "https://shop.example?a"),
        *("https://Shop.example", "HTTPS://shop.example", "https://a@shop.example"),
        *("https://shop.example:443", "http://shop.example:80", "http://shop.example:65536"),
        *("http://shop.example:", "http://shop.example:080", "https://kö.example", "https://a b"),
        *("ftp://shop.example", "https://", "https://a;b", "https://a..b", "https://a\nb"),
    ],
)
def test_what_no_browser_sends_as_an_origin_is_refused(origin: str) -> None:
    with pytest.raises(OperatorError) as told:
        load(NEEDED | {"FLUXIMAGE_CORS_ORIGINS": f"https://good.example, {origin}"})
    assert f'FLUXIMAGE_CORS_ORIGINS: "{origin}" ' in told.value.message
    assert "good.example" not in told.value.message


def test_origins_are_read_one_by_one() -> None:
    assert load(NEEDED).cors_origins == frozenset()
    origins = {"https://shop.example", "http://localhost:3000", "http://[::1]:8443", "http://a_b.c"}
    settings = load(NEEDED | {"FLUXIMAGE_CORS_ORIGINS": ", ".join(origins) + ","})
    assert settings.cors_origins == origins


def test_the_storage_of_each_plan_is_read_in_any_order() -> None:
    given = load(NEEDED | {"FLUXIMAGE_STORAGE_GB": "agency=4, pro=3,starter = 2.5, free=0.5"})
    assert given.storage_bytes(Plan.FREE) == 500_000_000
    assert given.storage_bytes(Plan.STARTER) == 2_500_000_000
    assert load(NEEDED).storage_bytes(Plan.FREE) == 2_000_000_000


@every_case(
    "storage",
    [
        *("1", "free=1", "free=1, starter=1, pro=1, agency=1, other=1"),
        *("free=1, free=1, starter=1, pro=1", "free=0, starter=1, pro=1, agency=1"),
        *("free=-1, starter=1, pro=1, agency=1", "free=1e9, starter=1, pro=1, agency=inf"),
    ],
)
def test_storage_that_is_not_an_amount_for_each_plan_is_refused(storage: str) -> None:
    with pytest.raises(OperatorError, match="FLUXIMAGE_STORAGE_GB: "):
        load(NEEDED | {"FLUXIMAGE_STORAGE_GB": storage})


def test_a_folder_that_depends_on_the_working_directory_is_refused() -> None:
    with pytest.raises(OperatorError, match='FLUXIMAGE_RUN_DIR: "run" is not an absolute path'):
        load(NEEDED | {"FLUXIMAGE_RUN_DIR": "run"})
