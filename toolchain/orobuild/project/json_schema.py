"""The configuration's JSON schema, for editors that complete and check `orobuild.toml`.

Made from `project.schema` and the fields of `LintConfig`, with their own words as descriptions.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any, Final

import msgspec

from orobuild.debug import structures
from orobuild.lint.config import LintConfig
from orobuild.project import reference, schema

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE: Final = "#/$defs/{name}"


def json_schema() -> dict[str, Any]:
    """The schema (JSON Schema 2020-12) of `[tool.orobuild]` and of `orobuild.toml`."""
    _, components = msgspec.json.schema_components((schema.Config,), ref_template=_REFERENCE)
    for name, component in components.items():
        kind = getattr(schema, name, None) or getattr(structures, name)
        described = reference.attribute_docstrings(kind)
        for field in msgspec.structs.fields(kind):
            words = " ".join(described.get(field.name, "").split())
            if words:
                component["properties"][field.encode_name]["description"] = words
    config = components.pop("Config")
    config["properties"]["lint"] = _lint()
    return {
        "$schema": _DIALECT,
        "title": "orobuild's configuration",
        **config,
        "$defs": components,
    }


def _lint() -> dict[str, Any]:
    """`[lint]`: its keys; their values are checked when the configuration is read."""
    keys = [field.name.replace("_", "-") for field in dataclasses.fields(LintConfig)]
    return {
        "type": "object",
        "description": (inspect.getdoc(LintConfig) or "").partition("\n")[0],
        "properties": {key: {} for key in keys},
        "additionalProperties": False,
    }
