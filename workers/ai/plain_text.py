"""One line of visible text: what is left of anything that a client or a model wrote."""

import re
import unicodedata

from shared.naming import printable

# Not shown though Unicode counts them as letters, marks or symbols: the rest of its property
# Default_Ignorable_Code_Point (DerivedCoreProperties.txt), and the empty Braille cell. Whole
# sentences are hidden in runs of these.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)

# Where text leads away: a scheme, a mail address or @handle, an IP address, a domain. A domain
# needs two characters on both sides of its dot ("z.B." is none), and EE.UU. are the USA in Spanish.
_ADDRESS = re.compile(
    r"""://
    | \bwww\.
    | \b(?:data|file|ftp|https?|javascript|mailto|tel|vbscript):(?=\S)
    | \w@ | @\w
    | \d{1,3}(?:\.\d{1,3}){3}
    | (?<=[\w-]\w)\.(?!uu\b)[^\W\d_][\w\u0900-\u097f]""",
    re.IGNORECASE | re.VERBOSE,
)


def one_line(text: str) -> str:
    """The text in NFC, with single spaces for white space and nothing invisible in it.

    Joiners go too: Hindi and Arabic read the same without them, only less finely drawn.
    """
    seen = _UNSEEN.sub("", printable(re.sub(r"\s", " ", text)))
    return " ".join(unicodedata.normalize("NFC", seen).split())


def has_address(text: str) -> bool:
    """Whether there is anything in the text that a program would make a link of."""
    return bool(_ADDRESS.search(unicodedata.normalize("NFKC", text)))
