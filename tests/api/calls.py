"""Every call of the API, read from its blueprints, so that no test can forget a new one.

`test_calls` holds that the application accepts these calls and no others.
"""

import re
from dataclasses import dataclass

from flask import Flask

from api.routes import BLUEPRINTS

UNKNOWN = "any"  # the value of each variable part of a path


@dataclass(frozen=True)
class Call:
    """A method and a path; `rule` is the path with its variable parts in <>."""

    method: str
    rule: str

    @property
    def path(self) -> str:
        """The path with a value that names nothing for each variable part."""
        return self.path_of(UNKNOWN)

    def path_of(self, name: str) -> str:
        """The path with `name` for each variable part."""
        return re.sub(r"<[^>]*>", name, self.rule)

    @property
    def names_something(self) -> bool:
        """Whether the path has a variable part."""
        return "<" in self.rule

    def __str__(self) -> str:
        return f"{self.method} {self.rule}"


def calls_of(app: Flask) -> list[Call]:
    """The calls of an application; HEAD comes with every GET and is left out."""
    found = {
        Call(method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}
    }
    return sorted(found, key=str)


def app_of_blueprints() -> Flask:
    """An application with every call, and nothing behind them."""
    app = Flask("calls", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app


CALLS = calls_of(app_of_blueprints())
PATHS = sorted({call.path for call in CALLS})
# Without a key: the operator's, what describes the API, the page, and a link that is signed.
OPEN = {
    "GET /",
    "GET /api/archives/<link_id>",
    "GET /docs",
    "GET /docs/<name>",
    "GET /health/live",
    "GET /health/ready",
    "GET /metrics",
    "GET /openapi.json",
    "GET /page/<path:name>",
}


def methods_of(path: str) -> set[str]:
    """The methods that a path accepts, HEAD included."""
    methods = {call.method for call in CALLS if call.path == path}
    return methods | {"HEAD"} if "GET" in methods else methods
