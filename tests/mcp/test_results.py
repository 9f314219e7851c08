"""Results for a model: small pictures unchanged, large ones scaled down, all others as links."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import zlib
from io import BytesIO

import httpx2
import pytest
from PIL import Image

from ringback import AsyncRingback
from ringback.mcp.outcome import Link, Picture
from ringback.mcp.pictures import SHOWN_BYTES_MAX, Results
from ringback.mcp.remote import RemoteOperations


def a_png(side: int, *, is_noise: bool = False) -> bytes:
    image = Image.frombytes(
        "RGB", (side, side), os.urandom(side * side * 3) if is_noise else bytes(side * side * 3)
    )
    output = BytesIO()
    image.save(output, "PNG")
    return output.getvalue()


def a_bomb() -> bytes:
    """Return a PNG of kilobytes whose header claims ten thousand million pixels."""
    whole = a_png(1)
    size = (100_000).to_bytes(4, "big") * 2
    head = b"IHDR" + size + whole[24:29]
    return whole[:12] + head + zlib.crc32(head).to_bytes(4, "big") + whole[33:]


async def shown(files: dict[str, tuple[int, str, bytes]]) -> tuple[Picture | Link, ...]:
    def answer(request: httpx2.Request) -> httpx2.Response:
        status, media_type, content = files[request.url.path]
        return httpx2.Response(status, headers={"content-type": media_type}, content=content)

    transport = httpx2.MockTransport(answer)
    async with AsyncRingback("key", "http://results.example", http_transport=transport) as client:
        results = Results(RemoteOperations(client), asyncio.Semaphore())
        return await results.shown([f"http://results.example{path}" for path in files])


async def test_a_film_is_linked_with_its_type() -> None:
    (link,) = await shown({"/a.mp4": (200, "video/mp4", b"")})
    assert isinstance(link, Link)
    assert (link.url, link.media_type) == ("http://results.example/a.mp4", "video/mp4")


async def test_a_large_picture_is_shown_smaller_and_linked() -> None:
    content = a_png(1500, is_noise=True)
    assert len(content) > SHOWN_BYTES_MAX
    picture, link = await shown({"/a.png": (200, "image/png", content)})
    assert isinstance(picture, Picture)
    assert isinstance(link, Link)
    assert len(picture.content) <= SHOWN_BYTES_MAX
    assert Image.open(BytesIO(picture.content)).format == "JPEG"


async def test_many_pictures_share_the_limit_and_the_rest_are_linked() -> None:
    found = await shown(
        {f"/{n}.png": (200, "image/png", a_png(400, is_noise=True)) for n in range(6)}
    )
    pictures = [one for one in found if isinstance(one, Picture)]
    assert len(pictures) == 4
    assert sum(len(one.content) for one in pictures) <= SHOWN_BYTES_MAX
    assert len([one for one in found if isinstance(one, Link)]) == 6


@pytest.mark.parametrize(
    "answer",
    [
        (404, "image/png", b"gone"),
        (200, "text/html", b"<script>"),
        (200, "image/svg+xml", b"<svg/>"),
    ],
)
async def test_an_unreadable_picture_is_linked(answer: tuple[int, str, bytes]) -> None:
    (link,) = await shown({"/a.png": answer})
    assert isinstance(link, Link)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x89PNG\r\n\x1a\n", a_bomb(), a_png(64)[:60]],
    ids=["empty", "begun", "bomb", "cut"],
)
def test_a_broken_picture_is_not_scaled_down(content: bytes) -> None:
    command = [sys.executable, "-m", "ringback.mcp.shrinking", "10000"]
    done = subprocess.run(command, input=content, capture_output=True, check=True)
    assert done.stdout == b""


def test_the_command_without_the_package_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['mcp'] = None; from ringback.cli import main; "
        "sys.argv = ['ringback', 'mcp']; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install 'ringback[mcp]'" in done.stderr
