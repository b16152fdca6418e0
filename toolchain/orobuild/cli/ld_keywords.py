"""`-z KEYWORD`: what each of GNU ld 2.40's keywords means for a static image.

`read` turns the keywords of a command line into fields of `LinkOptions`. Unknown ones are
warnings, as in GNU ld, so that build systems can try them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from orobuild.cli import drop_in
from orobuild.diagnostics import did_you_mean, warning
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orobuild.diagnostics import Diagnostic

_FEATURES_1: Final = 0xC0000002  # GNU_PROPERTY_X86_FEATURE_1_AND
_ISA_1: Final = 0xC0008002  # GNU_PROPERTY_X86_ISA_1_NEEDED

# keyword: (fields of LinkOptions, what it does)
WORKING: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "relro": ({"relro": True}, "make PT_GNU_RELRO where the script asks for it (default)"),
    "norelro": ({"relro": False}, "do not"),
    "now": ({"now": True}, "with -pie, say that everything is bound at once"),
    "lazy": ({"now": False}, "do not (default)"),
    "execstack": ({"executable_stack": True}, "PT_GNU_STACK is executable"),
    "noexecstack": ({"executable_stack": False}, "it is not, whatever objects ask for"),
    "separate-code": ({"separate_code": True}, "code has segments of its own (default)"),
    "noseparate-code": ({"separate_code": False}, "it shares a segment with headers and constants"),
    "text": ({"text_relocations": False}, "with -pie, addresses in read-only sections are errors"),
    "notext": ({"text_relocations": True}, "they are accepted silently"),
    "textoff": ({"text_relocations": True}, "the same"),
    "pack-relative-relocs": ({"pack_relative": True}, "with -pie, use DT_RELR"),
    "nopack-relative-relocs": ({"pack_relative": False}, "do not (default)"),
    "muldefs": ({"multiple_definitions": True}, "the first of several definitions counts"),
    "undefs": ({"undefined_symbols": "ignore"}, "undefined symbols are 0"),
    "defs": ({"undefined_symbols": "error"}, "they are errors (default)"),
}
PROPERTIES: Final = {
    "ibt": (_FEATURES_1, 1), "shstk": (_FEATURES_1, 2),
    "lam-u48": (_FEATURES_1, 4 | 8), "lam-u57": (_FEATURES_1, 8),
    "x86-64-baseline": (_ISA_1, 1), "x86-64-v2": (_ISA_1, 3),
    "x86-64-v3": (_ISA_1, 7), "x86-64-v4": (_ISA_1, 15),
}  # fmt: skip
# Keywords that take a value and are acted on, and what they do.
VALUED: Final = {
    "max-page-size": "segments are aligned so; CONSTANT(MAXPAGESIZE)",
    "common-page-size": "CONSTANT(COMMONPAGESIZE)",
    "stack-size": "the size in PT_GNU_STACK",
    "start-stop-visibility": "of __start_NAME and __stop_NAME: default, protected, hidden, internal",
}
_SHARED: Final = "only concerns shared libraries and their loader"
IGNORED: Final = dict.fromkeys(
    (
        "combreloc", "nocombreloc", "nocopyreloc", "nodelete", "nodlopen", "nodump", "origin",
        "global", "globalaudit", "initfirst", "interpose", "nodefaultlib", "loadfltr", "unique",
        "nounique", "noextern-protected-data", "nodynamic-undefined-weak",
        "dynamic-undefined-weak", "indirect-extern-access", "noindirect-extern-access",
        "ibtplt", "bndplt", "report-relative-reloc",
    ),
    _SHARED,
) | dict.fromkeys(("nocommon", "nounique-symbol", "nostart-stop-gc"), "as by default")  # fmt: skip
IGNORED_VALUED: Final = ("call-nop", "cet-report", "lam-report", "lam-u48-report", "lam-u57-report")
REFUSED: Final = {
    "noreloc-overflow": "a value that does not fit its field is always an error",
    "unique-symbol": "symbols keep the names that objects give them",
    "common": "STT_COMMON is for shared libraries",
    "start-stop-gc": "__start_NAME and __stop_NAME keep their sections",
}
_VISIBILITIES: Final = {"default": 0, "internal": 1, "hidden": 2, "protected": 3}


def read(keywords: Sequence[str]) -> tuple[dict[str, Any], list[Diagnostic]]:
    """Fields of `LinkOptions`, the last keyword winning, and warnings. Raises `UsageError`."""
    fields: dict[str, Any] = {}
    properties: list[tuple[int, int]] = []
    warnings = []
    for keyword in keywords:
        name, equals, value = keyword.partition("=")
        if keyword in WORKING:
            fields |= WORKING[keyword][0]
        elif keyword in PROPERTIES:
            properties.append(PROPERTIES[keyword])
        elif equals and name in VALUED:
            fields |= _valued(name, value)
        elif keyword in REFUSED:
            raise UsageError(f"oro-ld: '-z {keyword}' is not supported: {REFUSED[keyword]}")
        elif keyword not in IGNORED and not (equals and name in IGNORED_VALUED):
            known = [*WORKING, *PROPERTIES, *VALUED, *IGNORED, *REFUSED]
            hint = did_you_mean(keyword, known)
            warnings.append(warning(f"-z {keyword} ignored: unknown keyword", hint=hint))
    if properties:
        fields["properties"] = tuple(properties)
    return fields, warnings


def _valued(name: str, value: str) -> dict[str, Any]:
    if name == "start-stop-visibility":
        if value not in _VISIBILITIES:
            raise UsageError(
                f"oro-ld: invalid visibility in '-z {name}={value}'",
                hint=f"one of {', '.join(_VISIBILITIES)}",
            )
        return {"bounds_visibility": _VISIBILITIES[value]}
    try:
        size = drop_in.number(value)
        if size < 0 or (name != "stack-size" and (not size or size & (size - 1))):
            raise ValueError
    except ValueError:
        what = {"max-page-size": "maximum page", "common-page-size": "common page"}
        raise UsageError(
            f"oro-ld: invalid {what.get(name, 'stack')} size '{value}'",
            hint="a number of bytes; pages are a power of two, as 0x1000",
        ) from None
    field = {"max-page-size": "page_size", "common-page-size": "common_page_size"}
    return {field.get(name, "stack_size"): size}
