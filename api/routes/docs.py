"""What programs can ask for: as OpenAPI, and as a table for people."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from api.answers import LangChoice, ThemeChoice, choices, page, remember
from api.contract import describe

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    return JSONResponse(describe(request.app))


@router.get("/docs")
async def docs(request: Request, lang: LangChoice = None, theme: ThemeChoice = None) -> Response:
    if lang is not None or theme is not None:
        return remember(request, lang, theme, "/docs")
    return await page(request, "docs.html", operations=_operations(describe(request.app)), **choices(request, "/docs"))


def _operations(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "method": method.upper(),
            "path": path,
            "summary": operation.get("summary", ""),
            "parameters": [*operation.get("parameters", []), *_body(operation, schema)],
        }
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


def _body(operation: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, str]]:
    """The fields of the JSON object that an operation takes."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if not body:
        return []
    if "$ref" in body:
        body = schema["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    fields = body.get("properties", {})
    return [{"name": field, "description": says["description"]} for field, says in fields.items()]
