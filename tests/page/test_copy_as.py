"""What "Copy as" copies: it is run, and gives what the page gave."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import OpenPage
from tests.page.saving import await_done, choose_files, choose_folder, write_tree
from tests.support.client import Client, get
from tests.support.making import png
from tests.support.paths import ROOT

WAYS = {"curl": "curl", "python": "Python", "commandLine": "Command line"}
NAMES = (
    *("red/1.png", "blau/läufer 走.png", 'blau/it\'s $HOME `id` "q".png', "a;type=b,c.png"),
    *("-dash.png", "@at.png", "~tilde.png", "<in>.png", "100%&|*?[x]!.png", "new\nline.png"),
    *("esc\x1b[201~id.png", "x=y #z.png", "red/\u202egnp.png"),
)


def pictures(names: tuple[str, ...]) -> dict[str, bytes]:
    """Files of different content under these names."""
    return {
        name: png(60 + number, 40, f"hsl({number * 20}, 80%, 50%)")
        for number, name in enumerate(names)
    }


def copied(page: Page, way: str) -> str:
    """What is in the clipboard after "Copy as"."""
    if not page.locator(".copying").is_visible():
        page.get_by_role("button", name="Copy as").click()
    page.get_by_role("button", name=WAYS[way], exact=True).click()
    expect(page.get_by_text(f"Copied as {WAYS[way]}").first).to_be_visible()
    return str(page.evaluate("navigator.clipboard.readText()"))


def run(text: str, way: str, folder: Path, key: str) -> str:
    """Runs a copied text in the folder; returns what it says."""
    program = [sys.executable, "-"] if way == "python" else ["bash", "-s"]
    bin_folder = folder.parent / "bin"
    bin_folder.mkdir(exist_ok=True)
    command = bin_folder / "fluximage"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fluximage.command.main "$@"\n')
    command.chmod(0o755)
    environment = os.environ | {
        "FLUXIMAGE_API_KEY": key,
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'infra/client'}",
        "HOME": str(folder.parent),
    }
    done = subprocess.run(
        program,
        input=text,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr + done.stdout + text
    return done.stdout


def results(way: str, said: str, out: Path) -> dict[str, bytes]:
    """The images that a copied text has made, by their paths."""
    if way == "curl":
        answer = json.loads(said)
        assert not answer["errors"]
        assert {warning["code"] for warning in answer["warnings"]} <= {"larger_than_original"}
        return {
            "/".join(filter(None, [image["path"], image["file_name"]])): get(image["url"]).content
            for image in answer["data"]
        }
    files = (file for file in out.rglob("*.*") if file.is_file())
    return {
        file.relative_to(out).as_posix(): file.read_bytes()
        for file in files
        if not file.name.startswith((".fluximage", "fluximage."))
    }


def of_page(page: Page) -> dict[str, bytes]:
    """The page's results, by their paths."""
    with page.expect_download() as download:
        page.get_by_role("link", name="Download ZIP").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        return {
            name: archive.read(name)
            for name in archive.namelist()
            if not name.startswith("manifest")
        }


@pytest.fixture
def page(open_page: OpenPage, client: Client) -> Page:
    """The page, which may use the clipboard."""
    return open_page(client.key, permissions=["clipboard-read", "clipboard-write"])


def set_options(page: Page, options: str) -> None:
    """Sets options, as an object of JavaScript."""
    page.evaluate(
        f"import('/page/views/option_values.js').then((module) => module.setOptions({options}))"
    )


def test_a_folder_of_hostile_names_gives_the_same_images(
    page: Page, client: Client, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    files = {f"shoes/{name}": content for name, content in pictures(NAMES).items()}
    folder = write_tree(tmp_path / "here", files)
    set_options(page, "{ format: 'avif', quality: 55, maxWidth: 50 }")
    choose_folder(page, folder / "shoes")
    await_done(page, len(NAMES))
    same_by_all_ways(page, client, folder, subtests, plain_names=5)


@pytest.mark.full
def test_single_files_with_a_watermark_give_the_same_images(
    page: Page, client: Client, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    files = pictures(tuple(name for name in NAMES if "/" not in name))
    mark = {"-my, logo;.png": png(20, 10, "white")}
    folder = write_tree(tmp_path / "here", files | mark)
    page.evaluate(
        """async ([name, bytes]) => {
          const { setOptions } = await import("/page/views/option_values.js");
          const watermark = new File([Uint8Array.from(bytes)], name, { type: "image/png" });
          setOptions({ watermark, watermarkScale: 40, watermarkPosition: "TL", quality: 70 });
        }""",
        next([name, list(content)] for name, content in mark.items()),
    )
    choose_files(page, *(folder / name for name in files))
    await_done(page, len(files))
    same_by_all_ways(page, client, folder, subtests)


@pytest.mark.full
def test_two_folders_and_a_file_give_the_same_images_after_a_reload(
    page: Page, client: Client, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    names = ("small/1.png", "small/1.PNG", "big/deep/2.png", "big/a picture.png", "logo.png")
    folder = write_tree(tmp_path / "here", pictures(names))
    choose_folder(page, folder / "small")
    choose_folder(page, folder / "big")
    choose_files(page, folder / "logo.png")
    await_done(page, len(names))
    page.reload()
    await_done(page, len(names))
    same_by_all_ways(page, client, folder, subtests)


def test_curl_takes_as_many_files_as_a_request_may_have(page: Page) -> None:
    text = text_of(page, "curl", [], [f"{number}.png" for number in range(26)])
    assert text.count("--form ") == 20
    assert "# 6 files more" in text


def test_a_name_with_control_characters_is_written_without_them(page: Page) -> None:
    for way in WAYS:
        text = text_of(page, way, [], ["a\x03\x1b\x9b\u202e\n;id.png"])
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]|\n;id", text), way


def test_what_has_no_effect_is_left_out(page: Page) -> None:
    fields = [["watermarkScale", "30"], ["language", "Deutsch"], ["sessionId", "mine"]]
    for way in WAYS:
        text = text_of(page, way, fields, ["a.png"])
        assert not re.search("30|Deutsch|mine", text), way


def test_the_key_is_in_no_text(page: Page, client: Client) -> None:
    for way in WAYS:
        assert client.key not in text_of(page, way, [["format", "png"]], ["a.png"])


def text_of(page: Page, way: str, fields: list[list[str]], paths: list[str]) -> str:
    """The text of one way."""
    script = "async ([way, ...run]) => (await import('/page/files/copy_as.js'))[way](...run)"
    return str(page.evaluate(script, [way, fields, paths]))


def same_by_all_ways(
    page: Page, client: Client, folder: Path, subtests: pytest.Subtests, plain_names: int = 0
) -> None:
    """Runs all three texts in the folder; each makes the images of the page."""
    expected = of_page(page)
    out = folder / ("smaller" if (folder / "small").exists() else "small")
    for way in WAYS:
        with subtests.test(way):
            said = run(copied(page, way), way, folder, client.key)
            found = results(way, said, out)
            shutil.rmtree(out, ignore_errors=True)
            assert sorted(found.values()) == sorted(expected.values())
            if way == "commandLine":  # keeps the originals' names, also those that Windows refuses
                assert len(found.keys() & expected.keys()) >= plain_names
            else:
                assert found.keys() == expected.keys()
