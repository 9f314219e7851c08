"""A reader of multipart/form-data (RFC 7578): one file and its description, chunk by chunk."""

from __future__ import annotations

import re
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ringback.errors import BodyTooLarge, FieldError, InvalidRequest
from ringback.http.part_encodings import PartDecoder, PlainPart, decoder_of

_DESCRIPTION_BYTES_MAX = 4_096
_PARTS_MAX = 20
_PREAMBLE_BYTES_MAX = 65_536
_FILENAME_LENGTH_MAX = 255
_NOT_SHOWN = re.compile(r"[^\w .()\[\]+,;=@~!#$%&'-]")

_LIKE = "send the file as the field `file`, as `curl -F file=@picture.png` does"


class FileForm:
    """Reads a form; the chunks of its file are in ``pending`` until the user takes them."""

    def __init__(self, content_type: bytes, *, bytes_max: int) -> None:
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if not boundary:
            raise InvalidRequest(f"The form's Content-Type names no boundary; {_LIKE}.")
        self.pending: list[bytes] = []
        self.filename: str | None = None
        self._bytes_max = bytes_max
        self._file_bytes: int | None = None
        self._description: bytes | None = None
        self._parts = 0
        self._name = ""
        self._misnamed: str | None = None  # the first field with a file but another name
        self._header = [b"", b""]
        self._decoder: PartDecoder = PlainPart()
        self._has_ended = False
        self._start = b"--" + boundary
        self._preamble: bytes | None = b""  # text before the first boundary, while it comes
        callbacks: Any = {
            "on_part_begin": self._on_part_begin,
            "on_header_field": lambda data, start, end: self._on_header(0, data[start:end]),
            "on_header_value": lambda data, start, end: self._on_header(1, data[start:end]),
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": lambda data, start, end: self._on_data(data[start:end]),
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except FormParserError as exc:
            raise InvalidRequest(f"The form's boundary is too long; {_LIKE}.") from exc

    def feed(self, chunk: bytes) -> None:
        """Read on, or raise ``InvalidRequest`` or ``BodyTooLarge``."""
        if self._preamble is not None:
            chunk = self._without_preamble(self._preamble + chunk)
        try:
            self._parser.write(chunk)
        except FormParserError as exc:
            raise _no_form() from exc

    def finish(self) -> None:
        """Raise ``InvalidRequest`` unless the form ended with its file in it."""
        if self._preamble:
            raise _no_form()
        if not self._has_ended:
            raise InvalidRequest("The form ends before its last boundary.")
        if self._file_bytes is None:
            name = self._misnamed
            problem = "has no file" if name is None else f"has its file in the field `{name}`"
            sentence = f"The form {problem}; {_LIKE}."
            raise InvalidRequest(sentence, [FieldError("/file", sentence)])

    @property
    def description(self) -> str | None:
        """The description of the file; raises ``InvalidRequest`` unless it is text."""
        return None if self._description is None else read_description(self._description)

    def _without_preamble(self, start: bytes) -> bytes:
        """Return the bytes from the first boundary on (RFC 2046, section 5.1.1)."""
        at = 0 if start.startswith(self._start) else start.find(b"\n" + self._start) + 1
        if at or start.startswith(self._start):
            self._preamble = None
            return start[at:]
        if len(start) > _PREAMBLE_BYTES_MAX:
            raise _no_form()
        self._preamble = start
        return b""

    def _on_part_begin(self) -> None:
        self._parts += 1
        self._name = ""
        self._decoder = PlainPart()
        if self._parts > _PARTS_MAX:
            raise InvalidRequest(f"The form has more than {_PARTS_MAX} fields.")

    def _on_header(self, index: int, data: bytes) -> None:
        self._header[index] += data

    def _on_header_end(self) -> None:
        (name, value), self._header = self._header, [b"", b""]
        name = name.strip().lower()
        if name == b"content-transfer-encoding":
            self._decoder = decoder_of(value)
        if name != b"content-disposition":
            return
        _, options = parse_options_header(value)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" not in options:
            return
        if self._name == "file":
            self.filename = safe_filename(options[b"filename"])
        elif self._misnamed is None:
            self._misnamed = safe_filename(options.get(b"name", b"")) or "without a name"

    def _on_headers_finished(self) -> None:
        if self._name != "file":
            return
        if self._file_bytes is not None:
            raise InvalidRequest("The form has two files; send one at a time.")
        self._file_bytes = 0

    def _on_data(self, data: bytes) -> None:
        try:
            decoded = self._decoder.feed(data)
        except ValueError as exc:
            raise _not_encoded() from exc
        self._take(decoded)

    def _on_part_end(self) -> None:
        try:
            rest = self._decoder.finish()
        except ValueError as exc:
            raise _not_encoded() from exc
        if rest:
            self._take(rest)

    def _take(self, data: bytes) -> None:
        if self._name == "file" and self._file_bytes is not None:
            self._file_bytes += len(data)
            if self._file_bytes > self._bytes_max:
                raise BodyTooLarge(self._bytes_max)
            self.pending.append(data)
            return
        if self._name == "description":
            self._description = (self._description or b"") + data
            if len(self._description) > _DESCRIPTION_BYTES_MAX:
                raise _invalid_description()

    def _on_end(self) -> None:
        self._has_ended = True


def _no_form() -> InvalidRequest:
    return InvalidRequest(f"The body is not multipart/form-data; {_LIKE}.")


def _not_encoded() -> InvalidRequest:
    return InvalidRequest(
        "A part of the form is not in the encoding that its Content-Transfer-Encoding names; "
        "leave that header out, and send the file as it is."
    )


def safe_filename(value: bytes) -> str | None:
    """Return a file's name without folders and special characters, or None if nothing is left."""
    text = value.decode("utf-8", "replace").replace("\\", "/").rpartition("/")[2]
    shown = _NOT_SHOWN.sub("_", text).strip(". ")[:_FILENAME_LENGTH_MAX]
    return shown or None


def read_description(value: bytes | str) -> str:
    """Return a description, or raise ``InvalidRequest``."""
    try:
        text = value.decode() if isinstance(value, bytes) else value
        is_whole = len(text.encode()) <= _DESCRIPTION_BYTES_MAX
    except UnicodeError as exc:
        raise _invalid_description() from exc
    if not is_whole or "\0" in text:
        raise _invalid_description()
    return text


def _invalid_description() -> InvalidRequest:
    sentence = f"description must be text of at most {_DESCRIPTION_BYTES_MAX} bytes in UTF-8."
    return InvalidRequest(sentence, [FieldError("/description", sentence)])
