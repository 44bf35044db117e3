"""The calls about an account: whose key it is, what is used and left, and a new key."""

from datetime import UTC, date, datetime

from flask import Blueprint, Response

from api.caller import account, authenticated, bearer_key
from api.context import context
from api.openapi import examples
from api.openapi.declare import Answer, Call, Tag, documented
from api.responses import json_response
from shared import bodies
from shared.db import accounts, credits
from shared.plans import next_period_start, period_start

blueprint = Blueprint("account", __name__)


@blueprint.get("/api/account")
@documented(
    Call(
        "getAccount",
        Tag.ACCOUNT,
        answers={200: Answer("Whose key this is.", bodies.Account, examples.ACCOUNT)},
    )
)
@authenticated
def account_of_key() -> Response:
    """Returns the key's account: its name, plan and storage, and when its billing period ends."""
    caller, services = account(), context().services
    started, today = caller.created_at.astimezone(UTC).date(), datetime.now(UTC).date()
    body: bodies.Account = {
        "name": caller.name,
        "plan": caller.plan,
        "period_started_at": _midnight(period_start(started, today)),
        "period_ends_at": _midnight(next_period_start(started, today)),
        "ai": services.settings.ai,
        "stored_bytes": credits.balance(services.database, caller.id).stored_bytes,
        "storage_bytes": int(services.settings.storage_bytes(caller.plan)),
    }
    return json_response(body)


@blueprint.get("/api/usage")
@documented(
    Call(
        "getUsage",
        Tag.ACCOUNT,
        answers={200: Answer("What is used and left.", bodies.Usage, examples.USAGE)},
    )
)
@authenticated
def usage() -> Response:
    """Returns what the account has used and has left in its billing period."""
    services = context().services
    balance = credits.balance(services.database, account().id)
    monthly = balance.allowance.ai_credits
    body: bodies.Usage = {
        "plan": balance.plan,
        "compressor_used": balance.images_used,
        "compressor_limit": balance.images_limit,
        # After a downgrade the account may have used more than the plan includes.
        "ia_credits_used": min(balance.ai_used, monthly),
        "ia_credits_monthly": monthly,
        "ia_topup_credits": balance.topup_credits,
        "ia_credits_remaining": balance.ai_left,
        "canCompress": balance.images_left != 0,
        "canUseIA": balance.allowance.ai and balance.ai_left > 0,
        "topups": {
            "small": services.settings.topup_small,
            "medium": services.settings.topup_medium,
            "large": services.settings.topup_large,
        },
    }
    return json_response(body)


@blueprint.post("/api/keys/roll")
@documented(
    Call(
        "rollKey",
        Tag.ACCOUNT,
        answers={200: Answer("The new key.", bodies.NewKey, examples.NEW_KEY)},
    )
)
@authenticated
def roll() -> Response:
    """Returns a new key and revokes the one of this request."""
    key = accounts.roll_key(context().services.database, bearer_key())
    body: bodies.NewKey = {"api_key": key}
    return json_response(body)


def _midnight(day: date) -> str:
    """The moment at which a day begins in UTC."""
    return f"{day.isoformat()}T00:00:00Z"
