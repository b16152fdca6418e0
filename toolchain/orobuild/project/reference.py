"""The configuration's reference page, made from the schema so that it cannot be wrong.

`python -m orobuild.project.reference > docs/configuration.md`; a test compares the two.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import sys
import typing

import msgspec

from orobuild.configuration_table import ConfigurationTable
from orobuild.debug import structures
from orobuild.lint import config as lint_config
from orobuild.project import schema

_INTRODUCTION = """\
# Configuration

`[tool.orobuild]` in `pyproject.toml`, or the whole of `orobuild.toml`. Paths and globs are
relative to the file's directory. An unknown key is an error that names the nearest known one.

This page is generated from the schema.
"""


def markdown() -> str:
    """The page as Markdown."""
    parts = [_INTRODUCTION, _section(schema.Config)]
    parts += [
        _section(kind)
        for kind in (
            schema.Target,
            schema.Compiler,
            schema.Profile,
            schema.Image,
            schema.Entry,
            schema.Module,
            schema.Machine,
            schema.KernelTests,
            schema.MatrixCell,
            schema.Rig,
            structures.Debug,
            structures.Table,
            structures.Buddy,
            structures.Track,
        )
    ]
    parts.append(f"## `[lint]`\n\n{inspect.getdoc(lint_config.LintConfig)}\n")
    return "\n".join(parts)


def _section(kind: type[ConfigurationTable]) -> str:
    heading, _, rest = (inspect.getdoc(kind) or "").partition(": ")
    if kind is schema.Config:
        heading, rest = "Top level", ""
    first, _, more = rest.partition("\n")
    lines = [f"## {heading}", ""]
    if first:
        lines += [f"{first[:1].upper()}{first[1:]}", ""]
    if more.strip():
        lines += [more.strip(), ""]
    lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
    documented = attribute_docstrings(kind)
    for field in msgspec.structs.fields(kind):
        meaning = " ".join(documented.get(field.name, "").split())
        lines.append(
            f"| `{field.encode_name}` | {_type(field.type)} | {_default(field)} | {meaning} |"
        )
    return "\n".join([*lines, ""])


def attribute_docstrings(kind: type) -> dict[str, str]:
    """The string after each annotated attribute; Python keeps it only in the source."""
    body = typing.cast("ast.ClassDef", ast.parse(inspect.getsource(kind)).body[0]).body
    found = {}
    for statement, following in itertools.pairwise(body):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            found[statement.target.id] = str(following.value.value)
    return found


_WORDS = {str: "string", int: "integer", float: "number", bool: "true or false"}


def _type(kind: object) -> str:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is list and typing.get_origin(arguments[0]) is typing.Literal:
        return f"list of {_type(arguments[0])}"
    if origin is list and issubclass(arguments[0], ConfigurationTable):
        return "list of tables"
    if origin is list:
        return f"list of {_type(arguments[0])}s"
    if origin is dict:
        return "table"
    if origin is typing.Literal:
        return " or ".join(f"`{word}`" for word in arguments)
    if isinstance(kind, type) and issubclass(kind, ConfigurationTable):
        return "table"
    return _WORDS[kind] if isinstance(kind, type) and kind in _WORDS else str(kind)


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    default = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    if isinstance(default, ConfigurationTable) or default in ([], {}, ""):
        return ""
    return f"`{default!r}`".replace("'", '"').replace("True", "true").replace("False", "false")


if __name__ == "__main__":
    sys.stdout.write(markdown())
