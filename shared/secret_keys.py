"""The operator's own keys: they encrypt what clients entrust to us, and sign our links.

`FLUXIMAGE_SECRET_KEYS` holds several, so that they can be rotated: the first one encrypts and
signs, and all of them decrypt and verify.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MIN_CHARACTERS = 32  # of one key: half of what `openssl rand -hex 32` prints
_DERIVED_BYTES = 32


def split_keys(text: str) -> list[str]:
    """The keys in the setting's text; raises ValueError with a sentence for none or a short one."""
    keys = [key.strip() for key in text.split(",") if key.strip()]
    if not keys or min(map(len, keys)) < MIN_CHARACTERS:
        raise ValueError(
            f"each key must have at least {MIN_CHARACTERS} characters; `openssl rand -hex 32`"
            " prints a good one."
        )
    return keys


class SecretKeys:
    """Encrypts and signs with the first key; decrypts and verifies with any of them.

    Each use gets a key of its own, derived by HKDF (RFC 5869).
    """

    def __init__(self, keys: Sequence[str]) -> None:
        """keys: at least one; raises ValueError without any."""
        if not keys:
            raise ValueError("at least one key is needed")
        ciphers = [Fernet(base64.urlsafe_b64encode(_derived(key, "encryption"))) for key in keys]
        self._cipher = MultiFernet(ciphers)
        self._signing_keys = [_derived(key, "links") for key in keys]

    def encrypt(self, text: str) -> bytes:
        """The text as a Fernet token, for a column of type bytea."""
        return self._cipher.encrypt(text.encode())

    def decrypt(self, token: bytes) -> str:
        """The inverse of `encrypt`; raises ValueError for another key's or a damaged token."""
        try:
            return self._cipher.decrypt(token).decode()
        except InvalidToken:
            raise ValueError("none of FLUXIMAGE_SECRET_KEYS decrypts it") from None

    def sign(self, text: str) -> str:
        """A signature of the text: HMAC-SHA256 in 64 lower-case hex digits."""
        return _signature(self._signing_keys[0], text)

    def verify(self, text: str, signature: str) -> bool:
        """Whether `sign` made the signature for this text."""
        given = signature.encode()
        return any(
            hmac.compare_digest(_signature(key, text).encode(), given) for key in self._signing_keys
        )


def _derived(key: str, use: str) -> bytes:
    info = f"fluximage {use}".encode()
    return HKDF(SHA256(), _DERIVED_BYTES, salt=None, info=info).derive(key.encode())


def _signature(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
