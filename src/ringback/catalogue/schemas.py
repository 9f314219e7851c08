"""Compiles JSON Schemas, all in the same way."""

from __future__ import annotations

from typing import Any

import jsonschema_rs


def compiled(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """Return the schema compiled, with formats checked; raises ``ValueError`` for a wrong one."""
    return jsonschema_rs.Draft202012Validator(
        schema,
        validate_formats=True,
        # This engine takes linear time, whatever pattern and text it is given.
        pattern_options=jsonschema_rs.RegexOptions(),
    )
