"""The HTTP calls, one module per group of paths.

A new call:
1. a view in a module here: `@blueprint.get("/api/…")`, under it `@documented(Call(…))`, which says
   what the OpenAPI document and docs/api.md (`make api-tables`) have about it beside the view's
   docstring, and `@authenticated`;
2. where the module is new, its blueprint in BLUEPRINTS;
3. its SQL in shared/db/; the type of its body in shared/bodies.py, with an example in
   api/openapi/examples.py; a body of images is built in shared/answers.py;
4. an error that is new: its class in shared/errors.py, its status in api/errors.py, what it means
   to a client in api/codes.py;
5. a test of its own in tests/api/. Tests that concern every call (keys, methods, headers, secrets,
   other accounts, the document) take it from tests/api/calls.py, which reads BLUEPRINTS; a call
   without a key is named in OPEN there.
"""

from api.routes import (
    account,
    archive,
    compress,
    documentation,
    events,
    operator,
    page,
    retry,
    sessions,
    webhooks,
)

BLUEPRINTS = (
    account.blueprint,
    archive.blueprint,
    compress.blueprint,
    documentation.blueprint,
    events.blueprint,
    operator.blueprint,
    page.blueprint,
    retry.blueprint,
    sessions.blueprint,
    webhooks.blueprint,
)
