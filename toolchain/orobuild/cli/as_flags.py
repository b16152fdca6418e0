"""GNU as's rarer options as the assembler's `Flags`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from orobuild.assembler.flags import Flags
from orobuild.diagnostics import nearest
from orobuild.errors import UsageError

if TYPE_CHECKING:
    from orobuild.cli.gnu_options import CommandLine

_ROUNDINGS = {"rne": 0, "rd": 1, "ru": 2, "rz": 3}


def flags(line: CommandLine, bits: int) -> Flags:
    """The flags of a command line. Raises `UsageError` for an unknown processor."""
    march, tune = line.last("march") or "", line.last("tune") or ""
    if march or tune:
        _check_processor(march, tune, bits)
    return Flags(
        intel=line.last("syntax") == "intel",
        naked=line.on("naked"),
        intel_mnemonics=line.last("mnemonic") == "intel",
        alternate=line.on("alternate"),
        march=march,
        tune=tune,
        relax_relocations=line.last("relax", "yes") == "yes",
        shared=line.on("shared"),
        keep_locals=line.on("keep-locals"),
        strip_absolute=line.on("strip-absolute"),
        common_type=line.last("common") == "yes",
        compress=_compression(line.last("compress")),
        substitute_names=line.on("substitute-names"),
        index_reg=line.on("index-reg"),
        literal_nops=line.on("literal-nops"),
        data_in_text=line.on("data-in-text"),
        stack=line.last("stack"),
        optimize=_optimization(line.last("optimize")),
        for_space=line.last("optimize") == "s",
        omit_lock=line.last("omit-lock") == "yes",
        fences_as_lock=line.last("fences") == "yes",
        wide_vex=line.last("vexwig") == "1",
        wide_evex=line.last("evexwig") == "1",
        scalar_length=int(line.last("avxscalar") or 128),
        evex_length=int(line.last("evexlig") or 128),
        rounding=_ROUNDINGS[line.last("evexrcig") or "rne"],
        sse_check=cast("Literal['none', 'warning', 'error']", line.last("sse-check") or "none"),
        renamed=tuple(_renaming(value) for value in reversed(line.all("rename"))),
    )


def _optimization(value: str | None) -> int:
    if value == "s":
        return 2
    if value and not value.isdigit():
        raise UsageError(f"oro-as: -O{value} is no level", hint="the levels are 0, 1, 2 and s")
    return int(value or 0)


def _compression(value: str | None) -> Literal["", "zlib", "zlib-gnu"]:
    if value in (None, "none", "no"):
        return ""
    return "zlib-gnu" if value == "zlib-gnu" else "zlib"


def _renaming(value: str) -> tuple[str, str]:
    old, equals, new = value.partition("=")
    if not equals:
        raise UsageError(
            f"--debug-prefix-map '{value}' is not OLD=NEW",
            hint="for example --debug-prefix-map $PWD=.",
        )
    return old, new


def _check_processor(march: str, tune: str, bits: int) -> None:
    from orobuild.assembler import processor

    for word, known in (
        *((word, processor.NAMES) for word in (march.lower().split("+")[0], tune.lower()) if word),
        *((word if word == "nop" else word.removeprefix("no"), processor.EXTENSIONS | {"87"})
          for word in march.lower().split("+")[1:]),
    ):  # fmt: skip
        if word not in known:
            near = nearest(word, known)
            raise UsageError(
                f"oro-as: unknown processor or extension '{word}'",
                hint=f"did you mean '{near}'?" if near else "GNU as has a list in its manual",
            )
    if bits == 64 and march and processor.named(march, tune, 64) is None:
        raise UsageError(f"oro-as: -march={march} is no processor")
