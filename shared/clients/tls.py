"""TLS to the servers: what is trusted, and what went wrong in a sentence for the operator."""

import re
import ssl
from pathlib import Path


def context(ca_file: Path | None) -> ssl.SSLContext:
    """Verifies certificates by the system's CAs and those in `ca_file`."""
    made = ssl.create_default_context()
    if ca_file:
        made.load_verify_locations(ca_file)
    return made


def fault(text: str, setting: str, plain: str) -> str | None:
    """What an error's text says about TLS; None when it is about something else.

    setting: holds the address. plain: how the address begins without TLS.
    """
    if re.search("WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|UNEXPECTED_EOF|wrong version", text):
        return f"TLS: it does not speak TLS: write {plain} in {setting}"
    if refused := re.search(r"certificate verify failed(?:: ([^(\"\n]+?))?\.?(?= ?\(|\n|$)", text):
        why = f": {refused[1]}" if refused[1] else ""
        return f"TLS: its certificate is refused{why}. Name a private CA in FLUXIMAGE_CA_FILE"
    if "[SSL" in text or "SSLError" in text:
        return f"TLS: {text}"
    return None
