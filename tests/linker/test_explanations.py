"""What the linker says when it is asked why, and the map that programs read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from linker.linking import compile_c, our_link
from orobuild.errors import InputError
from orobuild.linker import LinkOptions
from orobuild.linker.explanations import why
from orobuild.linker.linkmap import LinkedImage
from orobuild.linker.map_json import render_json, schema

ROOT = Path(__file__).parents[2]
SOURCE = """int counter = 3;
__attribute__((noinline)) static int hidden(int x) { return x * counter; }
__attribute__((noinline)) int f(int x) {
  return hidden(x) + 1;
}
__attribute__((section(".init"))) int once(void) { return 1; }
__attribute__((section(".extra"))) int more(void) { return 2; }
void _start(void) { f(once()); }
"""
SCRIPT = """ENTRY(_start)
PHDRS { text PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6); }
SECTIONS {
  .text 0x100000 : { *(.text .text.*) *(.init) } :text
  /DISCARD/ : { *(.extra) *(.note.* .comment .eh_frame) }
  .rest : { *(.in*) }
  . = ALIGN(4096);
  .data : { *(.data*) _edata = .; } :data
}
"""
FLAGS = ("-g", "-O1", "-ffreestanding", "-fno-pie", "-ffunction-sections")


@pytest.fixture(params=["gcc", "clang"])
def linked(request: pytest.FixtureRequest, tmp_path: Path) -> LinkedImage:
    main = compile_c(SOURCE, tmp_path / "main.o", *FLAGS, compiler=request.param)
    return our_link(SCRIPT, [main])


def test_a_function_is_explained_with_its_source_line(linked: LinkedImage) -> None:
    text = why(linked, "f")
    assert "defined by main.o, main.c:3" in text
    assert "in main.o:(.text.f)" in text
    assert "placed by the rule at script.ld:4:22" in text
    assert "segment 'text' with flags R E, declared at script.ld:2:9" in text
    assert "a rule that takes `*main.o(.text.f)` before script.ld:4:22" in text


def test_a_variable_is_explained_with_the_line_of_its_declaration(linked: LinkedImage) -> None:
    assert "defined by main.o, main.c:1\n" in why(linked, "counter")


def test_the_rule_that_came_too_late_is_named(linked: LinkedImage) -> None:
    text = why(linked, "once")
    assert "but for that rule, the one at script.ld:6:13 would put it into '.rest'" in text


def test_what_is_not_there_is_explained_too(linked: LinkedImage) -> None:
    text = why(linked, "more")
    assert "'more', defined by main.o, main.c:7" in text
    assert "is not in the image: a /DISCARD/ rule takes it (script.ld:5:17)" in text


def test_an_address_is_explained_with_its_source_line(linked: LinkedImage) -> None:
    (f,) = [symbol for symbol in linked.map.symbols if symbol.name == "f"]
    assert f"{f.address:#x} is f+0x0, main.c:" in why(linked, hex(f.address))
    assert "defined by the script, at script.ld:8:23" in why(linked, "_edata")


def test_an_unknown_name_brings_near_ones(linked: LinkedImage) -> None:
    assert "nothing in the image is called 'countr'" in why(linked, "countr")
    assert "did you mean 'counter'?" in why(linked, "countr")


def test_an_undefined_symbol_lists_who_needs_it_by_function_and_line(tmp_path: Path) -> None:
    text = "int countr(int);\nint f(int x) {\n  return countr(x) + 1;\n}\nint counter(void);\n"
    other = "int counter(int x) { return x; }\n"
    objects = [
        compile_c(text, tmp_path / "main.o", *FLAGS),
        compile_c(other, tmp_path / "other.o", *FLAGS),
    ]
    with pytest.raises(InputError) as caught:
        our_link("SECTIONS { .text : { *(.text*) } }", objects)
    message = str(caught.value)
    assert "main.o: error: undefined symbol 'countr'" in message
    assert "referred to by main.o:(.text.f+0x" in message
    assert ") in f, main.c:3" in message
    assert "did you mean 'counter'?" in message


def test_a_relocation_out_of_range_names_symbol_section_object_and_line(tmp_path: Path) -> None:
    text = "extern char far_away;\nlong f(void) {\n  return (int)(long)&far_away;\n}\n"
    main = compile_c(text, tmp_path / "main.o", *FLAGS)
    script = "far_away = 0x123456789abc; SECTIONS { .text 0x1000 : { *(.text*) } }"
    with pytest.raises(InputError) as caught:
        our_link(script, [main])
    assert "against 'far_away' is out of range: 0x123456789abc" in str(caught.value)
    assert ") in f, main.c:3" in str(caught.value)


def test_damaged_debug_information_costs_the_line_only(tmp_path: Path) -> None:
    main = compile_c(SOURCE, tmp_path / "main.o", *FLAGS)
    data = bytearray(main.read_bytes())
    at = data.find(b"main.c\0")
    data[at - 40 : at + 40] = b"\xff" * 80
    main.write_bytes(bytes(data))
    text = why(our_link(SCRIPT, [main]), "counter")
    assert "'counter' = 0x" in text


def conforms(value: Any, wanted: dict[str, Any], where: str = "map") -> None:
    """The few words of JSON Schema that ours uses."""
    kinds = {"object": dict, "array": list, "integer": int, "string": str, "null": type(None)}
    if "const" in wanted:
        assert value == wanted["const"], where
    if "type" in wanted:
        names = wanted["type"] if isinstance(wanted["type"], list) else [wanted["type"]]
        assert isinstance(value, tuple(kinds[name] for name in names)), where
    assert not ("minimum" in wanted and value < wanted["minimum"]), where
    for name in wanted.get("required", ()):
        assert name in value, f"{where}.{name}"
    for name, inner in wanted.get("properties", {}).items():
        conforms(value[name], inner, f"{where}.{name}")
    for index, item in enumerate(value if "items" in wanted else ()):
        conforms(item, wanted["items"], f"{where}[{index}]")


def test_the_json_map_is_what_its_schema_says(linked: LinkedImage) -> None:
    document = json.loads(render_json(linked.map))
    conforms(document, schema())
    (f,) = [symbol for symbol in document["symbols"] if symbol["name"] == "f"]
    assert f["object"] == "main.o"
    assert f["output"] == ".text"
    (placed,) = [p for p in document["placements"] if p["section"] == ".text.f"]
    assert placed["address"] == f["address"]
    assert placed["rule"] == "script.ld:4:22"
    assert {d["section"] for d in document["discarded"]} >= {".extra"}
    assert [s["name"] for s in document["segments"]] == ["text", "data"]


def test_the_schema_sees_a_document_that_is_wrong(linked: LinkedImage) -> None:
    document = json.loads(render_json(linked.map))
    document["symbols"][0]["address"] = "0x1000"
    with pytest.raises(AssertionError, match=r"map\.symbols\[0\]\.address"):
        conforms(document, schema())


def test_the_published_schema_is_current() -> None:
    published = (ROOT / "docs" / "link-map.schema.json").read_text()
    assert json.loads(published) == schema(), (
        "run: python -m orobuild.linker.map_json > docs/link-map.schema.json"
    )


def test_strict_links_are_explained_as_well(tmp_path: Path) -> None:
    main = compile_c(SOURCE, tmp_path / "main.o", *FLAGS)
    assert "main.c:3" in why(our_link(SCRIPT, [main], LinkOptions()), "f")
