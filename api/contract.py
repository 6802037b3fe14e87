"""The description of the API, OpenAPI 3.1: what routes say of themselves, and what holds for all of them.

Ways in and refusals come from the rules of `api.access`, so that no route can be described otherwise than it is kept.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from api.access import PROOF_HEADER, RULES, SESSION_COOKIE, Rule
from api.answered import Problem
from api.problems import MEDIA_TYPE
from api.webhooks import SIGNATURE_HEADER

TAGS = {
    "live": "The present: at once, or as a stream of events.",
    "alerts": "Alerts, people's answers to them, and why there was one or none.",
    "absences": "Said beforehand that an outlet will be empty, and why.",
    "substitutes": "Who is told in a contact's place for a while.",
    "maintenance": "Said beforehand that somebody works on a sensor, a gateway or an outlet.",
    "record": "What the zones of an outlet were.",
    "ledger": "Every obliged second of an outlet or a duty, booked once.",
    "export": "Tables as files.",
    "webhook": "What other clouds post to us.",
    "registry": "Sites, their outlets, sensors, agencies, contacts, duties and rules, changed with If-Match.",
    "inbox": "Devices that nobody has claimed.",
    "contests": "Absences that an agency contests, and what was decided.",
    "sidak": "Obliged and empty now.",
    "public": "What everybody may see; open data.",
    "accounts": "Who may see and do what; tokens for programs.",
    "health": "For supervisors, load balancers and Prometheus.",
}
_SCHEMES: dict[str, dict[str, str]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token, made by `hadir user token`."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "The cookie of a browser that logged in.",
    },
    "proof": {
        "type": "apiKey",
        "in": "header",
        "name": PROOF_HEADER,
        "description": "`1`, beside a session: that the page which changes something is ours.",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": SIGNATURE_HEADER,
        "description": "A JWT (HS256) with the digest of the body, as Disruptive Technologies make it.",
    },
}
_NEXT = {
    "description": 'Where the list goes on, as `<…>; rel="next"`; none at its end.',
    "schema": {"type": "string"},
    "example": '</api/v1/alerts?limit=100&cursor=WzE3OTU>; rel="next"',
}
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
# Detail, as an example, and what the status means of every operation that can answer so.
_REFUSALS = {
    400: ("to: is not after from", "A parameter or a field is wrong, or missing; `errors` says which."),
    401: ("reading needs a login or a token", "Who asks did not say who he is, or nobody is that any more."),
    403: ("an account of the role viewer may not do this", "Who asks may not."),
    404: ('no site "mpp-contoh"', "There is no such thing, or who asks does not see it."),
    409: ("it is over", "Not as things stand."),
    412: ("it was changed meanwhile", "It is not as If-Match says; ask for it again."),
    413: ("the body is too large; send less at once", "The body is larger than 64 KiB."),
    415: (
        "the body is said to be no JSON; send a JSON object, with Content-Type: application/json",
        "The body is not said to be JSON.",
    ),
    428: ("If-Match is missing", "The ETag of what is changed is missing in If-Match."),
    500: ("a fault of ours; the log has its cause under request 1a2b-3c4d", "A fault of ours."),
    503: ("the record does not answer; ask again in a minute", "Record or broker do not answer."),
}


def describe(app: FastAPI) -> dict[str, Any]:
    """The description of `app`, made once."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        )
        _complete(schema)
        _show_whole_examples(schema, app)
        app.openapi_schema = schema
    return app.openapi_schema


def operation_id(route: APIRoute) -> str:
    """The name of the function: it stays when the path moves."""
    return route.name


def _complete(schema: dict[str, Any]) -> None:
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components["securitySchemes"] = _SCHEMES
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            rule = RULES.get(f"{method.upper()} {path}", "administer")
            operation["security"] = _ways_in(rule, changes=method != "get")
            _add_refusals(operation, rule)


def _show_whole_examples(schema: dict[str, Any], app: FastAPI) -> None:
    """FastAPI leaves out what is null of all that it describes, of examples too, where it is an answer's."""
    for route in iter_route_contexts(app.routes):
        for method in route.methods or ():
            operation = schema["paths"].get(route.path, {}).get(method.lower())
            for status, said in (route.responses or {}).items() if operation else ():
                for kind, shown in said.get("content", {}).items():
                    if "example" in shown:
                        operation["responses"][str(status)]["content"][kind]["example"] = shown["example"]


def _ways_in(rule: Rule, *, changes: bool) -> list[dict[str, list[str]]]:
    if rule == "open":
        return []
    session = ("session", "proof") if changes else ("session",)
    ways: list[dict[str, list[str]]] = [{"bearer": []}, {name: [] for name in session}]
    if rule == "device":
        ways.append({"signature": []})
    # From this machine, by nobody in particular.
    return [*ways, {}] if rule == "local" else ways


def _add_refusals(operation: dict[str, Any], rule: Rule) -> None:
    answers: dict[str, Any] = operation["responses"]
    answers.pop("422", None)
    wanted = {400, 500, 503} if rule == "open" else {400, 401, 403, 500, 503}
    parameters = operation.get("parameters", [])
    if any(one["in"] == "path" or one["name"] in ("site", "outlet") for one in parameters):
        wanted.add(404)
    if any(one["name"] == "cursor" for one in parameters):
        answers["200"]["headers"] = {"Link": _NEXT}
    if "requestBody" in operation:
        # What a machine posts is handed on as it is, whatever it is called.
        wanted |= {413} if rule == "device" else {413, 415}
    for status in wanted:
        answers.setdefault(str(status), {"description": _REFUSALS[status][1]})
    for status, (detail, _) in _REFUSALS.items():
        if (answer := answers.get(str(status))) is not None and set(answer.get("content", ())) <= {MEDIA_TYPE}:
            answer["content"] = {MEDIA_TYPE: {"schema": _PROBLEM, "example": _example(status, detail)}}


def _example(status: int, detail: str) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": "/api/v1/alerts",
        "error": detail,
    } | ({"errors": {"to": "is not after from"}} if status == 400 else {})
