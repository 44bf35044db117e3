"""Plain text: one line of visible characters, made of what a client or a model wrote."""

import re
import unicodedata

from shared.naming import printable

# Invisible characters that `printable` keeps, because Unicode counts them as letters, marks or
# symbols: from its property Default_Ignorable_Code_Point (DerivedCoreProperties.txt), and the empty
# Braille cell. A run of them can hide a whole sentence.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)

# A scheme, a mail address or @handle, an IP address, or a domain. A domain has two characters on
# both sides of its dot, unlike "z.B."; EE.UU. is Spanish for USA.
_LINK = re.compile(
    r"""://
    | \bwww\.
    | \b(?:data|file|ftp|https?|javascript|mailto|tel|vbscript):(?=\S)
    | \w@ | @\w
    | \d{1,3}(?:\.\d{1,3}){3}
    | (?<=[\w-]\w)\.(?!uu\b)[^\W\d_][\w\u0900-\u097f]""",
    re.IGNORECASE | re.VERBOSE,
)


def plain_text(text: str) -> str:
    """Returns the text in NFC, with single spaces for white space and without invisible characters.

    Joiners are removed too: Hindi and Arabic stay readable without them.
    """
    visible = _INVISIBLE.sub("", printable(re.sub(r"\s", " ", text)))
    return " ".join(unicodedata.normalize("NFC", visible).split())


def has_link(text: str) -> bool:
    """Whether the text has something that a program would turn into a link, or an @handle."""
    return bool(_LINK.search(unicodedata.normalize("NFKC", text)))
