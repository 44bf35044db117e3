"""The folder of each file: of its name, or of the field `path` where a library strips names."""

from collections.abc import Sequence
from dataclasses import replace

from api.uploads import Upload
from shared.errors import InvalidFieldError
from shared.naming import clean_folder, clean_original

MAX_LEVELS = 10
MAX_BYTES = 500


def folder_of(path: str) -> str | None:
    """Returns the folder in which a file of that path lies; raises InvalidFieldError."""
    last_slash = max(path.rfind("/"), path.rfind("\\"))
    return _checked(path[: last_slash + 1], clean_original(path))


def put_in(files: Sequence[Upload], paths: Sequence[str]) -> list[Upload]:
    """Returns the files in the folders of the field `path`, one for each file in their order.

    Raises InvalidFieldError.
    """
    if not paths:
        return list(files)
    if len(paths) != len(files):
        raise InvalidFieldError(
            f"path must be sent once for each file ({len(files)}), not {len(paths)} times"
        )
    return [
        replace(file, folder=_said(path, file.name))
        for file, path in zip(files, paths, strict=True)
    ]


def _said(path: str, name: str) -> str | None:
    # The whole path, as a browser has it in webkitRelativePath: no folder has a picture's name.
    whole = "." in name and clean_original(path) == name
    return folder_of(path) if whole else _checked(path, name)


def _checked(path: str, name: str) -> str | None:
    folder = clean_folder(path)
    if folder is None:
        return None
    size, levels = len(folder.encode()), folder.count("/") + 1
    if levels > MAX_LEVELS:
        raise InvalidFieldError(
            f"The folder of file {name} must have at most {MAX_LEVELS} levels, not {levels}"
        )
    if size > MAX_BYTES:
        raise InvalidFieldError(
            f"The folder of file {name} must be at most {MAX_BYTES} bytes long, not {size}"
        )
    return folder
