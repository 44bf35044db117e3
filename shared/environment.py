"""The names in an environment: settings, their near misses and what is not ours; secrets in files.

Only names with our prefix are judged, since other programs share the environment.
"""

import re
from collections.abc import Collection, Mapping
from difflib import SequenceMatcher
from pathlib import Path

PREFIX = "FLUXIMAGE_"
FILE_SUFFIX = "_FILE"
# What programs that call the HTTP API are told.
_OF_CLIENTS = {"FLUXIMAGE_URL", "FLUXIMAGE_API_KEY", "FLUXIMAGE_PROFILE"}
# What Kubernetes sets for each Service, here for one called `fluximage` or `fluximage-api`:
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_OF_KUBERNETES = re.compile(
    r".+_(SERVICE_(HOST|PORT(_.+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_PORT_OF_KUBERNETES = re.compile(r"(tcp|udp|sctp)://.+")
# From this similarity on, a name is a slip of the pen. Below are names that operators give to
# variables of their own; FLUXIMAGE_BASE_URL is as near to DATABASE_URL as 0.78.
_SLIP = 0.75
_SLIP_OF_A_SERVER = 0.9
_MAX_SECRET_BYTES = 65_536


def misspelt(environ: Mapping[str, str], known: Collection[str]) -> list[str]:
    """A sentence for each name that surely means a setting of `known` and is not its name.

    The prefix may be misspelt too, as in `flux_image_…`.
    """
    return [
        f"{name}: there is no such setting. Did you mean {meant}?"
        for name, value in environ.items()
        if _letters(name).startswith(_letters(PREFIX))
        and _is_unknown(name, value, known)
        and (meant := _meant(name, known))
    ]


def strangers(environ: Mapping[str, str], known: Collection[str]) -> list[str]:
    """A sentence for each name with our prefix that means nothing and resembles none of `known`."""
    return [
        f"{name} is set, but there is no such setting (docs/settings.md lists all)."
        for name, value in environ.items()
        if name.startswith(PREFIX) and _is_unknown(name, value, known) and not _meant(name, known)
    ]


def _is_unknown(name: str, value: str, known: Collection[str]) -> bool:
    """Whether it is no setting, none of the API's clients, and not set by Kubernetes."""
    if name.endswith("_PORT") and _PORT_OF_KUBERNETES.fullmatch(value):
        return False
    return not (name in known or name in _OF_CLIENTS or _OF_KUBERNETES.fullmatch(name))


def _meant(name: str, known: Collection[str]) -> str | None:
    """The setting that `name` misspells, or that alone begins with it."""
    letters = _letters(name).removeprefix(_letters(PREFIX))
    begun = [one for one in known if one.startswith(f"{name.upper()}_")]
    if len(begun) == 1:
        return begun[0]
    similar = SequenceMatcher(b=letters)
    best, nearest = 0.0, ""
    for one in known:
        similar.set_seq1(_letters(one.removeprefix(PREFIX)))
        best, nearest = max((best, nearest), (similar.ratio(), one))
    return nearest if best >= (_SLIP if nearest.startswith(PREFIX) else _SLIP_OF_A_SERVER) else None


def _letters(name: str) -> str:
    return re.sub("[^A-Z0-9]", "", name.upper())


def with_files_read(
    environ: Mapping[str, str], secrets: Collection[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """`environ` with each `NAME_FILE` of a secret replaced by `NAME` and the text of the file.

    Line breaks at the end of the file are left out. Returns also the faults, a sentence by the
    secret's name, with nothing of what a file holds.
    """
    read, faults = dict(environ), {}
    for name in secrets:
        path = read.pop(name + FILE_SUFFIX, "")
        if not path:  # as everywhere, an empty value is no value
            continue
        try:
            given, read[name] = read.get(name), _secret(path)
        except OSError as error:
            faults[name] = f"{name}{FILE_SUFFIX}: {path} cannot be read: {error.strerror}."
        except ValueError as error:
            faults[name] = f"{name}{FILE_SUFFIX}: {error}"
        else:
            if given:
                faults[name] = f"{name}{FILE_SUFFIX}: {name} is set too. Unset one of the two."
    return read, faults


def _secret(path: str) -> str:
    """The one line of a file. Raises OSError, or ValueError with a sentence."""
    with Path(path).open("rb") as file:
        content = file.read(_MAX_SECRET_BYTES + 1)
    try:
        text = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text in UTF-8.") from None
    if not text:
        raise ValueError(f"{path} is empty.")
    if len(content) > _MAX_SECRET_BYTES or "\n" in text or "\0" in text:
        raise ValueError(f"{path} holds more than one line of at most {_MAX_SECRET_BYTES} bytes.")
    return text
