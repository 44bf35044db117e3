"""Why the object store failed, in a sentence for the operator: what is wrong, and what to do."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import urllib3
from minio.error import InvalidResponseError, S3Error, ServerError

from shared.clients import tls

_BY_CODE = {
    "AccessDenied": "access denied: S3_ACCESS_KEY has no right to do this",
    "AllAccessDisabled": "access denied: the bucket or the account is disabled",
    "SignatureDoesNotMatch": (
        "wrong signature: S3_SECRET_KEY does not belong to S3_ACCESS_KEY, or a proxy changes the"
        " Host header or the path"
    ),
    "InvalidAccessKeyId": "unknown access key: the store does not know S3_ACCESS_KEY",
    "ExpiredToken": "the access key has expired",
    "NoSuchBucket": "the bucket does not exist: set S3_BUCKET, or run `fluximage migrate`",
    "InvalidBucketName": "S3_BUCKET is no name of a bucket",
    "BucketAlreadyExists": "the bucket belongs to somebody else: set another S3_BUCKET",
    "AuthorizationHeaderMalformed": "wrong region: set S3_REGION to that of the bucket",
    "PermanentRedirect": "wrong region or endpoint: set S3_REGION and S3_ENDPOINT to the bucket's",
    "XMinioStorageFull": "the store is full",
    "QuotaExceeded": "the store is full: the bucket's quota is used up",
    "EntityTooLarge": "the store refuses objects of this size",
    "SlowDown": "the store has too much to do",
}
_SKEWED = ("RequestTimeTooSkewed", "RequestExpired", "AccessDenied")
_SKEW_SECONDS = 60.0


def code_of(error: Exception) -> str | None:
    """The S3 code of what the store answered, such as `AccessDenied`; None for other errors."""
    if isinstance(error, S3Error):
        return error.code
    if isinstance(error, InvalidResponseError):
        # Its body may be XML nevertheless: some servers call it text/xml.
        found = re.search(r"<Code>(\w+)</Code>", str(error))
        return found[1] if found else None
    return None


def reason(error: Exception) -> str:
    """One line without secrets."""
    if isinstance(error, urllib3.exceptions.HTTPError | OSError):
        return _of_connection(error)
    code = code_of(error)
    ahead = _ahead_seconds(error)
    if code in _SKEWED and (code != "AccessDenied" or abs(ahead) > 15 * _SKEW_SECONDS):
        relation = "ahead of" if ahead > 0 else "behind"
        how_far = f" is {abs(ahead):.0f} s {relation} the store's" if ahead else " is wrong"
        return f"clocks differ: the clock of this machine{how_far}. Synchronise both by NTP"
    if isinstance(error, S3Error) and not error.response.data and code == "AccessDenied":
        return "access denied, or wrong keys: the store does not say which"  # the answer to HEAD
    if code:
        return f"{_BY_CODE.get(code, 'the store refused the request')} ({code})"
    if isinstance(error, InvalidResponseError) and "HTTPS server" in str(error):
        return "TLS: the store wants https:// in S3_ENDPOINT"
    if isinstance(error, ServerError | InvalidResponseError):
        status = re.search(r"(?:status code|Response code:) (\d+)", str(error))
        return f"no answer of an S3 server{f' (status {status[1]})' if status else ''}"
    return f"no answer of an S3 server ({type(error).__name__})"


def _of_connection(error: Exception) -> str:
    cause: BaseException = error
    while isinstance(cause, urllib3.exceptions.MaxRetryError) and cause.reason is not None:
        cause = cause.reason
    text = str(cause.args[-1] if cause.args else cause)
    if found := tls.fault(text, "S3_ENDPOINT", "http://"):
        return found
    if isinstance(cause, urllib3.exceptions.TimeoutError) and not isinstance(
        cause, urllib3.exceptions.NewConnectionError
    ):
        return "it did not answer in time"
    if isinstance(cause, urllib3.exceptions.ResponseError):
        return f"it answers with errors alone ({cause})"
    if isinstance(cause, urllib3.exceptions.NameResolutionError):
        return "its name cannot be resolved"
    broken = re.search(r"\[Errno -?\d+\] ([^'\")]+)", str(cause))
    return f"it cannot be reached: {broken[1] if broken else type(cause).__name__}"


def _ahead_seconds(error: Exception) -> float:
    """This machine's clock minus that of the store, from the Date header of its answer."""
    if not isinstance(error, S3Error):
        return 0.0
    try:
        theirs = parsedate_to_datetime(error.response.headers.get("Date", ""))
    except ValueError:
        return 0.0
    # Without a known zone ("-0000") the date is naive, and in UTC.
    return (datetime.now(UTC) - theirs.replace(tzinfo=theirs.tzinfo or UTC)).total_seconds()
