"""Security headers of every response.

Browsers must not sniff its type, frame it, store it, or send its URL as a referrer.

Strict-Transport-Security is not among them: it counts only over TLS (RFC 6797, 7.2), which ends
at the operator's proxy, and it would apply to the other services of that host as well.
"""

PROTECTIVE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",  # answers hold signed URLs, file names and keys
}
