"""What every answer carries for the sake of browsers.

No Strict-Transport-Security: it counts only in an answer over TLS (RFC 6797, 7.2), and TLS ends
at the operator's proxy, whose other services on that host it would bind as well.
"""

PROTECTIVE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",  # answers hold signed URLs, file names and keys
}
