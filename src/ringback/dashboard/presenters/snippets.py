"""Code snippets: a request in curl, Python and Node, ready to paste. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

TOKEN = "$RINGBACK_API_KEY"


class Snippet(Struct, frozen=True, kw_only=True):
    """One request in one language."""

    name: str
    code: str


def submission(
    base_url: str,
    path: str,
    body: Mapping[str, Any],
    *,
    headers: Mapping[str, str],
    token: str | None = None,
) -> tuple[Snippet, ...]:
    """Return the request that submits a job; without a token it reads an environment variable."""
    return (
        Snippet(name="curl", code=_curl(base_url + path, body, headers, token)),
        Snippet(name="Python", code=_python(base_url + path, body, headers, token)),
        Snippet(name="Node", code=_node(base_url + path, body, headers, token)),
    )


def training(base_url: str, *, token: str | None = None) -> str:
    """Return the curl command that trains a style of two pictures."""
    body = {"name": "Ink", "urls": [f"https://example.com/ink-{n}.png" for n in (1, 2)]}
    return _curl(f"{base_url}/styles/train", body, {}, token)


def curl_of_delivery(url: str, headers: list[tuple[str, str]], body: str) -> str:
    """Return a curl command that sends the request of a delivery's attempt."""
    more = "".join(f"  -H {shlex.quote(f'{name}: {value}')} \\\n" for name, value in headers)
    return f"curl -X POST {shlex.quote(url)} \\\n{more}  --data-raw {shlex.quote(body)}"


def _curl(url: str, body: Mapping[str, Any], headers: Mapping[str, str], token: str | None) -> str:
    # The shell fills in the variable; the emulator's tokens are plain words.
    bearer = f'"Authorization: Bearer {token or TOKEN}"'
    more = "".join(f"  -H {shlex.quote(f'{k}: {v}')} \\\n" for k, v in headers.items())
    return (
        f"curl -X POST {shlex.quote(url)} \\\n  -H {bearer} \\\n"
        f'  -H "Content-Type: application/json" \\\n{more}'
        f"  -d {shlex.quote(json.dumps(body, ensure_ascii=False))}"
    )


def _python(
    url: str, body: Mapping[str, Any], headers: Mapping[str, str], token: str | None
) -> str:
    bearer = repr(f"Bearer {token}") if token else "f\"Bearer {os.environ['RINGBACK_API_KEY']}\""
    more = "".join(f"        {k!r}: {v!r},\n" for k, v in headers.items())
    begin = "" if token else "import os\n\n"
    return (
        f"{begin}import httpx2\n\n"
        f"answer = httpx2.post(\n    {url!r},\n"
        f'    headers={{\n        "Authorization": {bearer},\n{more}    }},\n'
        f"    json={_literal(body)},\n)\n"
        'print(answer.raise_for_status().json()["job_id"])'
    )


def _literal(body: Mapping[str, Any]) -> str:
    if not body:
        return "{}"
    lines = "".join(f"        {name!r}: {value!r},\n" for name, value in body.items())
    return f"{{\n{lines}    }}"


def _node(url: str, body: Mapping[str, Any], headers: Mapping[str, str], token: str | None) -> str:
    bearer = json.dumps(f"Bearer {token}") if token else "`Bearer ${process.env.RINGBACK_API_KEY}`"
    more = "".join(f"    {json.dumps(k)}: {json.dumps(v)},\n" for k, v in headers.items())
    shown = json.dumps(body, ensure_ascii=False, indent=2).replace("\n", "\n  ")
    # These two end lines in older JavaScript, and JSON does not escape them.
    shown = shown.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return (
        f"const answer = await fetch({json.dumps(url)}, {{\n"
        f'  method: "POST",\n  headers: {{\n    "Authorization": {bearer},\n'
        f'    "Content-Type": "application/json",\n{more}  }},\n'
        f"  body: JSON.stringify({shown}),\n}});\n"
        "console.log((await answer.json()).job_id);"
    )
