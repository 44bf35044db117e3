"""The Messages API on the loopback, for tests and for `make bench`."""

from infra.messages_api.answer import Answer
from infra.messages_api.request import FaultyRequestError, Request
from infra.messages_api.server import MessagesApi

__all__ = ["Answer", "FaultyRequestError", "MessagesApi", "Request"]
