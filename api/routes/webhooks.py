"""POST /api/webhooks/secret: a new secret that signs the account's webhooks."""

from flask import Blueprint, Response

from api.caller import account, authenticated
from api.context import context
from api.openapi import examples
from api.openapi.declare import Answer, Call, Tag, documented
from api.responses import json_response
from shared import bodies
from shared.db import webhook_secrets

blueprint = Blueprint("webhooks", __name__)


@blueprint.post("/api/webhooks/secret")
@documented(
    Call(
        "newWebhookSecret",
        Tag.ACCOUNT,
        answers={200: Answer("The new secret.", bodies.NewSecret, examples.NEW_SECRET)},
    )
)
@authenticated
def new_secret() -> Response:
    """Returns a new secret that signs webhooks; the one before it signs along for 24 hours."""
    used = context()
    secret = webhook_secrets.roll(used.services.database, used.secret_keys, account().id)
    body: bodies.NewSecret = {"secret": secret}
    return json_response(body)
