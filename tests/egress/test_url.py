"""The URL grammar: what it reads, and what it refuses with which sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.egress.url import MalformedTarget, parse_target
from ringback.errors import InvalidTarget


@pytest.mark.parametrize(
    ("text", "origin", "host_header", "path"),
    [
        ("https://example.com", "https://example.com:443", "example.com", "/"),
        ("HTTPS://Example.COM:443/", "https://example.com:443", "example.com", "/"),
        ("http://example.com:8080/a", "http://example.com:8080", "example.com:8080", "/a"),
        ("http://example.com:443", "http://example.com:443", "example.com:443", "/"),
        ("https://example.com?x=/:@", "https://example.com:443", "example.com", "/?x=/:@"),
        ("https://e.com/%C3%A9?b[]=%20", "https://e.com:443", "e.com", "/%C3%A9?b[]=%20"),
        ('https://e.com/é?a={"b"}', "https://e.com:443", "e.com", "/%C3%A9?a=%7B%22b%22%7D"),
        ("https://e.com//a/../b", "https://e.com:443", "e.com", "//a/../b"),
        ("https://bücher.example/", "https://xn--bcher-kva.example:443", None, "/"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example:443", None, "/"),
        ("https://faß.de", "https://xn--fa-hia.de:443", "xn--fa-hia.de", "/"),
        ("https://my_app.example.com", "https://my_app.example.com:443", None, "/"),
        ("https://1.2.3.4:8443", "https://1.2.3.4:8443", "1.2.3.4:8443", "/"),
        ("https://[2606:4700:0::1]/", "https://[2606:4700::1]:443", "[2606:4700::1]", "/"),
        ("http://localhost:3000/hook", "http://localhost:3000", "localhost:3000", "/hook"),
        ("https://r3---sn-a.example.com", "https://r3---sn-a.example.com:443", None, "/"),
    ],
)
def test_a_url_is_taken_apart(text: str, origin: str, host_header: str | None, path: str) -> None:
    target = parse_target(text)
    assert target.origin == origin
    assert target.path_and_query == path
    if host_header is not None:
        assert target.host_header == host_header


REFUSED = {
    "start with https": [
        "",
        "example.com",
        "//example.com",
        "ftp://example.com",
        "file:///etc/passwd",
        "https:example.com",
        "https:/example.com",
        "javascript:alert(1)",
        "data:text/plain,x",
    ],
    "no host": ["https://", "https:///path", "https://:443", "https://?x"],
    "user name": ["https://user@example.com", "https://a:b@example.com", "https://e.com@[::1]"],
    "percent-encoded": ["https://exa%6dple.com", "https://example.com%00", "https://[fe80::1%25a]"],
    "spaces or control": [
        "https://example.com/a b",
        " https://example.com",
        "https://example.com/\r\nX: y",
        "https://exam\tple.com",
        "https://example.com/\0",
        "https://example.com/\x7f",
        "https://example.com/\x85",
        "https://example.com/\u2028",
        "https://example.com/\u00a0",
        "https://example.com/\u200b",
        "https://example.com/\ud800",
    ],
    "backslash": ["https://example.com\\@evil.com", "https:\\\\example.com", "https://e.com/\\"],
    "fragment": ["https://example.com/#x", "https://example.com#@evil.com"],
    "longer than": ["https://example.com/" + "a" * 8192, "https://example.com/" + "é" * 4000],
    "port must be": ["https://e.com:0", "https://e.com:65536", "https://e.com:000443"],
    "host or port": [
        "https://e.com:",
        "https://e.com:x",
        "https://e.com:-1",
        "https://e.com:80:80",
        "https://e.com:４４３",
        "https://::1/",
        "https://[::1]x/",
        "https://[::1/",
        "https://a[::1]/",
    ],
    "empty part": ["https://a..b", "https://.a.b", "https://a.b.", "https://."],
    "not a host name": [
        "https://-a.com",
        "https://xn--.com",
        "https://a-.com",
        "https://a,b.com",
        "https://a*b.com",
        "https://" + "a" * 64 + ".com",
    ],
    "international name": ["https://xn--a.com", "https://a\u0338b≯.com"],
    "like 1.2.3.4": [
        "http://127.1",
        "http://0x7f.1",
        "http://0x7f000001",
        "http://2130706433",
        "http://0",
        "http://010.0.0.1",
        "http://1.2.3.4.5",
        "http://1.2.3",
        "http://256.1.1.1",
        "http://1.2.3.0x4",
        "http://evil.com.1",
        "http://１２７.0.0.1",
        "http://127。0。0。1",
    ],
    "not spelled as one": ["https://[]/", "https://[1.2.3.4]/", "https://[::g]/"],
    "hides an IPv4": ["https://[::ffff:1.2.3.4]", "https://[::ffff:7f00:1]", "https://[::1.2.3.4]"],
    "hexadecimal digits": ["https://e.com/%", "https://e.com/%zz", "https://e.com/?a=%4"],
    "longer than 253": ["https://" + ".".join(["a" * 60] * 5)],
}


@pytest.mark.parametrize(
    ("sentence", "text"), [(why, text) for why, texts in REFUSED.items() for text in texts]
)
def test_other_spellings_are_refused_with_a_reason(sentence: str, text: str) -> None:
    with pytest.raises(MalformedTarget, match=sentence):
        parse_target(text)


def test_the_refusal_is_the_callers_fault_and_a_value_error() -> None:
    assert issubclass(MalformedTarget, InvalidTarget)
    assert issubclass(MalformedTarget, ValueError)


@given(st.text() | st.text(alphabet="htps:/.[]@%#?0123456789abcdefx\\ é").map("https://".__add__))
def test_any_text_is_read_safely_or_refused(text: str) -> None:
    try:
        target = parse_target(text)
    except MalformedTarget:
        return
    written = f"{target.host_header} {target.path_and_query}"
    assert written.isascii()
    assert written.isprintable()
    assert written.count(" ") == 1
    assert target.path_and_query.startswith("/")
    assert parse_target(f"{target.origin}{target.path_and_query}") == target
