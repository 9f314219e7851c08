"""Answers of servers of generated media, in the shapes in which they differ.

One table tests every reader of such answers: the engines that call providers, and the client.
"""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from textwrap import wrap
from typing import Any

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
"""A picture whose base64 has every letter of the alphabet, with padding."""
BASE64 = b64encode(PNG).decode()
DATA_URL = f"data:image/png;base64,{BASE64}"
A, B = "https://cdn.example/a.png", "https://cdn.example/b.glb?signature=x%2By"
OWN = "https://api.example/v1/predictions/7"
LONG = "https://cdn.example/a.png?token=" + "x" * 8_000

RESULTS: list[tuple[Any, list[str]]] = [
    # Krea's hosted API, and servers that follow it.
    ({"urls": [A]}, [A]),
    ({"urls": [A, B]}, [A, B]),
    ({"urls": [A, A]}, [A]),
    ({"urls": A}, [A]),
    ({"urls": [{"type": "model", "url": B}]}, [B]),
    ({"urls": {"image": A}}, [A]),
    ({"urls": {"image": [A], "model": {"type": "model", "url": B}}}, [A, B]),
    ({"urls": {"image": {"url": A}}}, [A]),
    ({"urls": {"image": [{"url": A}, {"url": B}]}}, [A, B]),
    ({"urls": [{"uri": A}, {"href": B}]}, [A, B]),
    ({"urls": ["", None, A, 7]}, [A]),
    ({"urls": [], "images": [A]}, [A]),
    ({"urls": ["/files/a.png", "//cdn.example/b"]}, ["/files/a.png", "//cdn.example/b"]),
    ({"urls": ["files/a.png", "a"]}, ["files/a.png", "a"]),
    ({"urls": {"image": "files/a.png", "caption": "a fox"}}, ["files/a.png"]),
    ({"urls": [f" {A}\n"]}, [A]),
    ({"urls": ["https://cdn.example/a b.png"]}, ["https://cdn.example/a b.png"]),
    ({"urls": [LONG]}, [LONG]),
    ({"urls": [DATA_URL]}, [DATA_URL]),
    ({"url": A}, [A]),
    ({"url": [A, B]}, [A, B]),
    ({"url": {"image": A}}, [A]),
    ({"image": {"url": A}, "seed": 7}, [A]),
    ({"image": A}, [A]),
    ({"image_url": A}, [A]),
    ({"video": {"url": A, "content_type": "video/mp4"}, "prompt": "http://x.example"}, [A]),
    ({"resultUrls": [A, B]}, [A, B]),
    ({"resultJson": '{"resultUrls": ["https://cdn.example/a.png"]}'}, [A]),
    ({"output": {"front": A, "back": {"url": B}}}, [A, B]),
    # Images APIs.
    ({"data": [{"url": A}, {"url": B}]}, [A, B]),
    ({"data": [{"url": A, "b64_json": ""}]}, [A]),
    ({"data": [{"url": "", "b64_json": BASE64}]}, [DATA_URL]),
    ({"data": [{"url": None, "b64_json": BASE64}]}, [DATA_URL]),
    ({"data": [{"b64_json": DATA_URL}]}, [DATA_URL]),
    ({"data": [{"url": DATA_URL}]}, [DATA_URL]),
    ({"data": [A, {"url": B}]}, [A, B]),
    ({"data": [BASE64]}, [DATA_URL]),
    ({"data": {"images": [{"url": A}]}}, [A]),
    ({"data": [{"url": A}, {}]}, [A]),
    ({"images": [A]}, [A]),
    ({"images": [{"image_url": {"url": A}, "type": "image_url"}]}, [A]),
    ({"images": [BASE64], "info": "{}"}, [DATA_URL]),
    ({"choices": [{"message": {"images": [{"image_url": {"url": DATA_URL}}]}}]}, [DATA_URL]),
    ({"predictions": [{"bytesBase64Encoded": BASE64, "mimeType": "image/png"}]}, [DATA_URL]),
    ({"parts": [{"text": "a fox"}, {"inlineData": {"data": BASE64}}]}, [DATA_URL]),
    ({"image_base64": BASE64}, [DATA_URL]),
    # Anything.
    ([A, B], [A, B]),
    (A, [A]),
    ([{"url": A}, B], [A, B]),
    # An answer repeats its input, and names its own address.
    ({"images": [{"url": A}], "image_url": B, "input": {"image": {"url": B}}}, [A]),
    ({"images": [{"url": A}], "status_url": B, "request": {"url": B}}, [A]),
    ({"output": [A], "urls": {"get": OWN, "cancel": f"{OWN}/cancel", "web": OWN}}, [A]),
    ({"data": {"outputs": [A], "urls": {"get": OWN}}}, [A]),
    ({"output": {"url": A}, "links": {"self": OWN, "next": None}}, [A]),
    ({"_links": {"self": {"href": OWN}}, "files": [{"href": A}]}, [A]),
    ({"future_links": [A], "fetch_result": OWN}, [A]),
    ({"task_info": {"parent_video": {"url": B}}, "task_result": {"videos": [{"url": A}]}}, [A]),
    ({"urls": {"get": OWN, "cancel": f"{OWN}/cancel"}}, []),
    ({"urls": {"get": A, "self": B}}, [A, B]),  # outputs with these names
    ({"urls": {"target": OWN}}, [OWN]),
    # Nothing that is a file.
    ({}, []),
    (None, []),
    ({"urls": []}, []),
    ({"urls": None}, []),
    ({"urls": [{}]}, []),
    ({"urls": {"image": None}}, []),
    ({"caption": "see https://cdn.example/a.png", "seed": 7}, []),
    ({"error": {"url": A}}, []),
    (["so", "me", " words", "/", "//", "node.js"], []),
    ("/imagine a fox", []),
    ({"text": "AAAA"}, []),
    ([[[[[[[[[[[[[[[[A]]]]]]]]]]]]]]]], []),
]
"""A job's result, and the URLs of its files."""

SPELLINGS = {
    "plain": BASE64,
    "data URL": DATA_URL,
    "data URL without a type": f"data:;base64,{BASE64}",
    "data URL with a parameter": f"data:image/png;name=a.png;base64,{BASE64}",
    "data URL in capitals": f"DATA:image/png;BASE64,{BASE64}",
    "data URL, escaped": f"data:image/png;base64,{BASE64.replace('+', '%2B').replace('=', '%3D')}",
    "lines": "\r\n".join(wrap(BASE64, 76)) + "\n",
    "lines in a data URL": "data:image/png;base64,\n" + "\n".join(wrap(BASE64, 60)),
    "blanks around it": f"  {BASE64} ",
    "no padding": BASE64.rstrip("="),
    "URL-safe": urlsafe_b64encode(PNG).decode(),
    "URL-safe without padding": urlsafe_b64encode(PNG).decode().rstrip("="),
    "half a data URL": f"image/png;base64,{BASE64}",
}
"""Spellings of ``PNG`` in base64."""

CREDIT = "out of credit"
REASONS: list[tuple[Any, str]] = [
    (CREDIT, CREDIT),
    ({"error": CREDIT}, CREDIT),
    ({"error": f"  {CREDIT} "}, CREDIT),
    ({"message": CREDIT}, CREDIT),
    ({"error": {"code": 402, "message": CREDIT}}, CREDIT),
    ({"error": {"error": {"message": CREDIT}}}, CREDIT),
    ({"error": True, "message": CREDIT}, CREDIT),
    ({"error": "error", "message": CREDIT}, CREDIT),
    ({"error": [CREDIT]}, CREDIT),
    ({"error": {"detail": CREDIT}}, CREDIT),
    ({"errors": [{"message": CREDIT}, {"message": "no key"}]}, f"{CREDIT}; no key"),
    ({"errors": {"prompt": [CREDIT]}}, f"prompt: {CREDIT}"),
    ({"detail": [{"loc": ["prompt"], "msg": CREDIT}]}, CREDIT),
    ({"detail": {"message": CREDIT}}, CREDIT),
    ({"title": CREDIT, "status": 402}, CREDIT),
    ({"reason": CREDIT}, CREDIT),
    ({"failure_reason": CREDIT}, CREDIT),
    ({"failureReason": CREDIT}, CREDIT),
    ({"failMsg": CREDIT, "failCode": "500"}, CREDIT),
    ({"error_message": CREDIT}, CREDIT),
    ({"id": "1", "name": "payment", "errors": [CREDIT]}, CREDIT),
    ({"error": {"code": "NSFW"}}, "NSFW"),
    ({"error": {"code": "", "message": "", "type": "content_policy"}}, "content_policy"),
    ({"error": {"code": 1301}}, "code 1301"),
    ({"code": "NSFW"}, "NSFW"),
    ({"status": "failed"}, ""),
    ({"error": None}, ""),
    ({"error": ""}, ""),
    ({"error": {}}, ""),
    (None, ""),
    (7, ""),
]
"""A failed job's result, and the reason in it."""
