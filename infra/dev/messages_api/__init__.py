"""A stand-in for the Messages API on the loopback, for tests and for `make bench`."""

from infra.dev.messages_api.answer import Answer
from infra.dev.messages_api.request import FaultyRequestError, Request
from infra.dev.messages_api.server import MessagesApi

__all__ = ["Answer", "FaultyRequestError", "MessagesApi", "Request"]
