"""Which server and which key: flags beat the environment, which beats the file."""

import json
from pathlib import Path

import pytest

from fluximage.command.exits import CommandError, Exit
from fluximage.command.profile import Server, config_file, find_server

CONFIG = """
[default]
url = "http://default"
api_key = "key-of-default"
[staging]
url = "http://staging"
"""


@pytest.fixture
def config(here: Path) -> Path:
    assert here.is_dir()
    path = config_file()
    path.parent.mkdir(parents=True)
    path.write_text(CONFIG)
    path.chmod(0o600)
    return path


def test_flags_beat_the_environment_which_beats_the_file(
    config: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert config.exists()
    assert find_server(None, None, None) == Server("http://default", "key-of-default")
    monkeypatch.setenv("FLUXIMAGE_URL", "http://environment")
    assert find_server(None, None, None) == Server("http://environment", "key-of-default")
    monkeypatch.setenv("FLUXIMAGE_API_KEY", "key-of-environment")
    (here / "key").write_text("key-of-file\n")
    found = find_server("http://flag", here / "key", None)
    assert found == Server("http://flag", "key-of-file")
    assert find_server(None, None, "staging") == Server("http://staging", "key-of-environment")
    monkeypatch.setenv("FLUXIMAGE_PROFILE", "staging")
    monkeypatch.delenv("FLUXIMAGE_URL")
    assert find_server(None, None, None) == Server("http://staging", "key-of-environment")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[other]", "has no profile 'staging'; it has: other"),
        ("[staging]\nkey = 'secret-1'", "allowed are url and api_key"),
        ("[staging]\napi_key = 5", "allowed are url and api_key"),
        ("[staging]\napi_key = 'secret-1", "cannot be read"),
        ("staging = 'secret-1'", "has no profile 'staging'; it has: none"),
    ],
)
def test_a_fault_of_the_file_is_told_without_a_key(text: str, told: str, config: Path) -> None:
    config.write_text(text)
    with pytest.raises(CommandError, match=told) as failed:
        find_server(None, None, "staging")
    assert "secret-1" not in failed.value.message
    assert failed.value.status is Exit.USAGE


def test_a_file_with_a_key_that_others_can_read_is_told(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    find_server(None, None, None)
    assert capsys.readouterr().err == ""
    config.chmod(0o640)
    find_server(None, None, None)
    assert f"chmod 600 {config}" in capsys.readouterr().err


def test_what_is_missing_is_told_with_what_to_type(here: Path) -> None:
    assert here.is_dir()
    with pytest.raises(CommandError, match="set FLUXIMAGE_URL"):
        find_server(None, None, None)
    with pytest.raises(CommandError, match="Set FLUXIMAGE_API_KEY") as failed:
        find_server("http://flag", None, None)
    assert failed.value.status is Exit.REFUSED


@pytest.mark.parametrize(("url", "taken"), [("http://127.0.0.1:8080", True), ("http://x", False)])
def test_a_service_that_runs_in_this_folder_is_used_if_it_is_on_this_machine(
    url: str, taken: bool, here: Path
) -> None:
    (here / ".fluximage").mkdir()
    (here / ".fluximage/ready.json").write_text(json.dumps({"url": url, "api_key": "demo"}))
    if taken:
        assert find_server(None, None, None) == Server(url, "demo")
    else:
        with pytest.raises(CommandError):
            find_server(None, None, None)


def test_a_service_of_this_folder_whose_key_was_rolled_is_told(here: Path) -> None:
    (here / ".fluximage").mkdir()
    (here / ".fluximage/ready.json").write_text(json.dumps({"url": "http://127.0.0.1:8080"}))
    with pytest.raises(CommandError, match="got another key") as failed:
        find_server(None, None, None)
    assert failed.value.status is Exit.REFUSED


def test_a_key_is_in_no_text_of_a_server() -> None:
    assert "secret" not in repr(Server("http://x", "secret"))
