"""Compiles JSON Schemas with one set of options."""

from __future__ import annotations

from typing import Any

import jsonschema_rs


def compiled(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """Return the compiled schema, which checks formats, or raise ``ValueError`` for a bad one."""
    return jsonschema_rs.Draft202012Validator(
        schema,
        validate_formats=True,
        # This regex engine takes linear time for any pattern and text.
        pattern_options=jsonschema_rs.RegexOptions(),
    )
