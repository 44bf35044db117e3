"""Which field a client probably meant by a name that the API does not know."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from api.multipart import FILE_FIELDS, UnknownField

_LIKENESS = 0.75  # difflib's ratio; below it, wrong suggestions are more frequent than right ones
_MIN_CONTAINED = 5  # characters; a shorter name, such as "file", is part of many that mean others
_PICTURE = re.compile("file|image|img|photo|pic|upload|media")


def suggest(unknown: UnknownField, known: Mapping[str, str]) -> str | None:
    """Returns the field that was probably meant; known: each accepted spelling and its field."""
    plain = _plain(unknown.name)
    forms = {
        _plain(spelling): name
        for spelling, name in known.items()
        if name in FILE_FIELDS or not unknown.is_file
    }
    close = [plain] if plain in forms else _contained(plain, forms)
    close = close or get_close_matches(plain, forms, 1, _LIKENESS)
    if close:
        return forms[min(close, key=lambda form: abs(len(form) - len(plain)))]
    return "file" if unknown.is_file and _PICTURE.search(plain) else None


def meant_as_files(unknown: Sequence[UnknownField]) -> list[str]:
    """Returns the names under which images were probably sent, such as `images[]`."""
    return [field.name for field in unknown if field.is_file] or [
        field.name for field in unknown if _PICTURE.search(_plain(field.name))
    ]


def _contained(plain: str, forms: Iterable[str]) -> list[str]:
    return [
        form
        for form in forms
        if min(len(form), len(plain)) >= _MIN_CONTAINED and (form in plain or plain in form)
    ]


def _plain(name: str) -> str:
    """The name without what clients vary: case, underscores, hyphens, spaces, and [] or [0]."""
    return re.sub(r"\[\w*\]|[\W_]", "", name).lower()
