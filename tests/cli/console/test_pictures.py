"""Pictures in terminals: who can show them, and what is sent."""

from __future__ import annotations

import re
from base64 import b64decode
from io import BytesIO

import pytest
from PIL import Image

from ringback.cli.console.pictures.protocols import Protocol, protocol_of
from ringback.cli.console.pictures.sequences import columns_for, iterm2, kitty
from ringback.cli.console.pictures.show import sequence_for
from ringback.cli.console.pictures.sixel import Indexed, sixel

X = {"TERM": "xterm-256color"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm-kitty", "KITTY_WINDOW_ID": "1"}, Protocol.KITTY),
        ({"TERM": "xterm-kitty"}, Protocol.KITTY),
        ({**X, "TERM_PROGRAM": "ghostty"}, Protocol.KITTY),
        ({"TERM": "xterm-ghostty"}, Protocol.KITTY),
        ({**X, "KONSOLE_VERSION": "230804"}, Protocol.KITTY),
        ({**X, "TERM_PROGRAM": "iTerm.app"}, Protocol.ITERM2),
        ({**X, "TERM_PROGRAM": "WezTerm"}, Protocol.ITERM2),
        ({"TERM": "xterm", "TERM_PROGRAM": "mintty"}, Protocol.ITERM2),
        ({**X, "LC_TERMINAL": "iTerm2"}, Protocol.ITERM2),
        ({"TERM": "foot"}, Protocol.SIXEL),
        ({"TERM": "mlterm"}, Protocol.SIXEL),
        ({"TERM": "xterm-sixel"}, Protocol.SIXEL),
        (X, None),
        ({**X, "TERM_PROGRAM": "Apple_Terminal"}, None),
        ({**X, "TERM_PROGRAM": "vscode"}, None),
        ({**X, "KONSOLE_VERSION": "210400"}, None),
        ({**X, "KONSOLE_VERSION": "new"}, None),
        ({**X, "KONSOLE_VERSION": "9" * 5000}, Protocol.KITTY),
        ({"TERM": "dumb", "KITTY_WINDOW_ID": "1"}, None),
        ({"KITTY_WINDOW_ID": "1"}, None),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1"}, None),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux,1,0"}, None),
        ({"TERM": "screen.xterm-256color", "LC_TERMINAL": "iTerm2"}, None),
        ({"TERM": "xterm-kitty", "STY": "1.pts"}, None),
        ({"TERM": "xterm-kitty", "ZELLIJ": "0"}, None),
        ({}, None),
    ],
)
def test_a_terminal_is_known_by_what_it_says(
    environment: dict[str, str], expected: Protocol | None
) -> None:
    assert protocol_of(environment, is_terminal=True) is expected
    assert protocol_of(environment, is_terminal=False) is None


def a_picture(kind: str = "PNG", width: int = 20, height: int = 13) -> bytes:
    picture = Image.new("RGB", (width, height), (200, 30, 30))
    if width > 3 and height > 7:
        picture.putpixel((3, 7), (0, 0, 255))
    written = BytesIO()
    picture.save(written, kind)
    return written.getvalue()


def test_kitty_gets_a_png_in_chunks_that_make_it_whole() -> None:
    noise = Image.effect_noise((128, 128), 90)
    written = BytesIO()
    noise.save(written, "PNG")
    shown = kitty(written.getvalue(), columns=80)
    chunks = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", shown)
    assert len(chunks) > 2
    assert "".join(f"\x1b_G{control};{data}\x1b\\" for control, data in chunks) + "\n" == shown
    assert chunks[0][0].startswith("a=T,f=100,q=2,")
    assert [control[-3:] for control, _ in chunks] == ["m=1"] * (len(chunks) - 1) + ["m=0"]
    assert all(len(data) <= 4096 and len(data) % 4 == 0 for _, data in chunks)
    assert b64decode("".join(data for _, data in chunks)) == written.getvalue()


def test_iterm2_gets_the_file_as_it_is() -> None:
    picture = a_picture("JPEG")
    match = re.fullmatch(r"\x1b\]1337;File=([^:]*):([^\x07]*)\x07\n", iterm2(picture, columns=80))
    assert match is not None
    assert "inline=1" in match[1].split(";")
    assert f"size={len(picture)}" in match[1].split(";")
    assert b64decode(match[2]) == picture


def decoded(shown: str) -> Image.Image:
    """Draw what a sixel terminal would."""
    match = re.fullmatch(r'\x1bP0;1q"1;1;(\d+);(\d+)([^\x1b]*)\x1b\\\n', shown)
    assert match is not None
    picture = Image.new("RGB", (int(match[1]), int(match[2])))
    colours: dict[int, tuple[int, int, int]] = {}
    x = top = 0
    now = 0
    for part in re.findall(r"#\d+;2;\d+;\d+;\d+|#\d+|!\d+.|[$\-]|[?-~]", match[3]):
        if part[0] == "#" and ";" in part:
            number, _, *rgb = (int(one) for one in part[1:].split(";"))
            red, green, blue = (round(one * 255 / 100) for one in rgb)
            colours[number] = (red, green, blue)
        elif part[0] == "#":
            now = int(part[1:])
        elif part == "$":
            x = 0
        elif part == "-":
            x, top = 0, top + 6
        else:
            length = int(part[1:-1]) if part[0] == "!" else 1
            mask = ord(part[-1]) - 63
            for column in range(x, x + length):
                for bit in range(6):
                    if mask >> bit & 1:
                        picture.putpixel((column, top + bit), colours[now])
            x += length
    return picture


def test_sixels_draw_the_picture() -> None:
    shown = sequence_for(a_picture(), Protocol.SIXEL, columns=80)
    assert shown is not None
    picture = decoded(shown)
    assert picture.size == (20, 13)
    for at, expected in (((0, 0), (200, 30, 30)), ((19, 12), (200, 30, 30)), ((3, 7), (0, 0, 255))):
        pixel = picture.getpixel(at)
        assert isinstance(pixel, tuple)
        assert all(abs(one - other) < 6 for one, other in zip(pixel, expected, strict=True))


def test_sixels_repeat_what_is_long_and_leave_out_what_is_empty() -> None:
    palette = [(0, 0, 0), (255, 255, 255)]
    shown = sixel(Indexed(8, 1, bytes([0] * 6 + [1, 1]), palette))
    assert shown.endswith("#0!6@$#1!6?@@\x1b\\\n")


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF"])
def test_kitty_gets_other_kinds_as_png(kind: str) -> None:
    shown = sequence_for(a_picture(kind), Protocol.KITTY, columns=80)
    assert shown is not None
    assert "\x1b_Ga=T,f=100,q=2,c=3,m=0;iVBORw0KGgo" in shown


@pytest.mark.parametrize("protocol", [Protocol.KITTY, Protocol.SIXEL])
@pytest.mark.parametrize(
    "content",
    [
        a_picture("GIF")[:40],
        a_picture("JPEG")[:300],
        b"\xff\xd8\xff broken",
        b"GIF8",
        b"RIFF\0\0\0\0WEBPVP8 ",
    ],
)
def test_what_cannot_be_converted_is_not_shown(content: bytes, protocol: Protocol) -> None:
    assert sequence_for(content, protocol, columns=80) is None


def test_a_picture_of_too_many_pixels_is_not_decoded() -> None:
    bomb = bytearray(a_picture("GIF"))
    bomb[6:10] = b"\xff\xff\xff\xff"
    assert sequence_for(bytes(bomb), Protocol.SIXEL, columns=80) is None
    assert sequence_for(bytes(bomb), Protocol.KITTY, columns=80) is None


@pytest.mark.parametrize(
    ("width", "columns", "expected"), [(2000, 200, 60), (2000, 40, 39), (9, 80, 1), (90, 80, 10)]
)
def test_a_picture_takes_about_its_own_room(width: int, columns: int, expected: int) -> None:
    assert columns_for(a_picture(width=width, height=2), columns=columns) == expected
