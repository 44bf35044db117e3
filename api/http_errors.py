"""The sentence and the code of each HTTP error that gunicorn or Werkzeug finds.

Without imports: gunicorn's worker needs it before gevent has patched the standard library.
"""

SENTENCES = {
    400: "This is not a valid HTTP request",
    404: "This path does not exist; check its spelling",
    405: "This path does not accept this method; the Allow header lists those that it accepts",
    408: "The request line and the headers did not arrive in time; send the request again",
    413: "The request body is too large; send at most 20 images of 20 MB and a watermark of 5 MB",
    414: "The request line is too long; send at most 4094 bytes",
    415: "The request body has a Content-Encoding; send it without one",
    417: "The Expect header of this request is not supported; only 100-continue is",
    431: "Too many or too large headers; send at most 100 of 8190 bytes each, 64 KB together",
    500: "An unexpected error occurred; try again later",
    501: "The Transfer-Encoding of this request is not supported; only chunked is",
}

CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "body_too_large",
    414: "uri_too_long",
    415: "unsupported_encoding",
    417: "expectation_failed",
    431: "headers_too_large",
    500: "internal",
    501: "not_implemented",
}
