"""Which files are found below what was typed."""

import os
from pathlib import Path

import pytest

from fluximage.command.filters import Filters
from fluximage.command.walk import Walked, common_folder, listed, walk


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "a.jpg",
        "shoes/b.PNG",
        "shoes/red/c.webp",
        ".hidden/d.jpg",
        ".e.jpg",
        "notes.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "a.jpg")
    (tmp_path / "loop").symlink_to(tmp_path)
    return tmp_path


def names(walked: Walked) -> list[str]:
    return [str(one.relative) for one in walked.files]


def test_a_folder_gives_its_images_in_order_without_links_and_hidden_names(tree: Path) -> None:
    walked = walk([tree], Filters())
    assert names(walked) == ["a.jpg", "shoes/b.PNG", "shoes/red/c.webp"]
    assert (walked.others, walked.links, walked.hidden) == (1, 2, 2)


def test_several_paths_keep_the_tree_below_their_common_folder(tree: Path) -> None:
    assert names(walk([tree / "shoes/red", tree / "a.jpg"], Filters())) == [
        "shoes/red/c.webp",
        "a.jpg",
    ]
    assert common_folder([tree / "shoes"]) == tree / "shoes"


def test_a_file_that_is_named_twice_is_sent_once(tree: Path) -> None:
    walked = walk([tree / "shoes/b.PNG", tree, tree / "shoes"], Filters())
    assert names(walked) == ["shoes/b.PNG", "a.jpg", "shoes/red/c.webp"]


def test_a_named_file_and_one_that_is_included_may_have_any_suffix(tree: Path) -> None:
    assert names(walk([tree / "notes.txt"], Filters())) == ["notes.txt"]
    assert names(walk([tree], Filters(include=("*.txt",)))) == ["notes.txt"]


def test_the_folder_of_the_results_is_not_walked(tree: Path) -> None:
    assert names(walk([tree], Filters(), without=[tree / "shoes"])) == ["a.jpg"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_cannot_be_read_is_named(tree: Path) -> None:
    (tree / "shoes").chmod(0)
    walked = walk([tree], Filters())
    (tree / "shoes").chmod(0o700)
    assert walked.unreadable == [(tree / "shoes", "Permission denied")]


def test_a_list_has_a_path_a_line_or_ends_them_by_nul() -> None:
    assert list(listed(b"a.jpg\r\nb c.jpg\n\n")) == [Path("a.jpg"), Path("b c.jpg")]
    assert list(listed(b"a\nb.jpg\0c.jpg\0")) == [Path("a\nb.jpg"), Path("c.jpg")]
    assert list(listed(b"\xff.jpg")) == [Path(os.fsdecode(b"\xff.jpg"))]
