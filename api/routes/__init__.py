"""The HTTP calls, one module per group of paths.

A new call:
1. a view in a module here: `@blueprint.get("/api/…")`, under it `@authenticated`;
2. where the module is new, its blueprint in BLUEPRINTS;
3. its SQL in shared/db/; a body that several calls share in api/responses.py;
4. an error that is new: its class in shared/errors.py, its status in api/errors.py;
5. a row in the table of calls in docs/api.md, which tests/test_docs.py compares with the calls;
6. a test of its own in tests/api/. Tests that concern every call (keys, methods, headers, secrets,
   other accounts) take it from tests/api/calls.py, which reads BLUEPRINTS; a call without a key is
   named in OPEN there.
"""

from api.routes import account, compress, operator, sessions, webhooks

BLUEPRINTS = (
    account.blueprint,
    compress.blueprint,
    operator.blueprint,
    sessions.blueprint,
    webhooks.blueprint,
)
