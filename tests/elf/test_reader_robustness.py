"""Whatever the bytes are: an `ElfFile` whose every part can be read, or an `ElfError`. Soon."""

from __future__ import annotations

import random
import struct
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elf.samples import look_at_everything, samples
from orobuild.elf import reader
from orobuild.elf.constants import PHDR_SIZE, SHDR_SIZE
from orobuild.elf.reader import ElfError

EDGE_VALUES = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 63, (1 << 64) - 1)


def read_or_refuse(data: bytes) -> bool:
    refusal = None
    try:
        look_at_everything(reader.read(data, "sample"))
    except ElfError as error:
        refusal = error
    if refusal is None:
        return True
    span = refusal.diagnostics[0].span
    assert span is not None
    assert span.path == "sample"
    return False


def hot_offset(data: bytes, rng: random.Random) -> int:
    """An offset that is more often than not inside a header, where a change is felt."""
    elf = reader.read(data, "sample")
    tables = [
        (0, 64),
        (elf.header.e_shoff, SHDR_SIZE[elf.ei_class] * len(elf.sections)),
        (elf.header.e_phoff, PHDR_SIZE[elf.ei_class] * len(elf.segments)),
        (0, len(data)),
    ]
    start, size = rng.choice([t for t in tables if t[1]])
    return min(start + rng.randrange(size), len(data) - 1)


def mutate(data: bytes, rng: random.Random) -> bytes:
    result = bytearray(data)
    for _ in range(rng.randint(1, 5)):
        at = min(hot_offset(data, rng), len(result) - 1)
        match rng.randrange(4):
            case 0:
                result[at] = rng.randrange(256)
            case 1:
                result[at] ^= 1 << rng.randrange(8)
            case 2:
                width = rng.choice((1, 2, 4, 8))
                value = rng.choice(EDGE_VALUES) & ((1 << 8 * width) - 1)
                result[at : at + width] = value.to_bytes(width, "little")
            case 3:
                size = rng.randrange(64)
                source = rng.randrange(len(result))
                result[at : at + size] = result[source : source + size]
    return bytes(result)


@pytest.mark.parametrize("name", samples())
def test_every_sample_is_read(name):
    assert read_or_refuse(samples()[name])


@pytest.mark.parametrize("name", samples())
def test_every_truncation_is_refused_or_read(name):
    data = samples()[name]
    read = sum(read_or_refuse(data[:length]) for length in range(len(data)))
    # The section header table comes last, so that no proper prefix is a whole file.
    assert read == 0


def test_thousands_of_mutations_are_refused_or_read():
    rng = random.Random(20240501)
    read = sum(
        read_or_refuse(mutate(rng.choice(list(samples().values())), rng)) for _ in range(6000)
    )
    assert 500 < read < 5500  # both outcomes are exercised


@pytest.mark.full
def test_very_many_mutations_are_refused_or_read():
    rng = random.Random(7)
    for _ in range(400_000):
        read_or_refuse(mutate(rng.choice(list(samples().values())), rng))


@given(st.binary(max_size=512))
def test_any_bytes_are_refused_or_read(data):
    read_or_refuse(data)


@given(st.binary(max_size=256), st.sampled_from((1, 2)), st.sampled_from((3, 62)))
def test_any_bytes_behind_a_valid_identification_are_refused_or_read(rest, ei_class, machine):
    ident = b"\x7fELF" + bytes((ei_class, 1, 1)) + bytes(9)
    read_or_refuse(ident + struct.pack("<HH", 2, machine) + rest)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_any_field_of_any_header_may_hold_any_value(data):
    name = data.draw(st.sampled_from(sorted(samples())))
    sample = bytearray(samples()[name])
    at = hot_offset(bytes(sample), random.Random(data.draw(st.integers(0, 10_000))))
    sample[at : at + 8] = data.draw(st.binary(min_size=8, max_size=8))
    read_or_refuse(bytes(sample))


def header_offsets(data: bytes, table: str, index: int) -> int:
    header = reader.read(data, "sample").header
    return header.e_shoff + index * 64 if table == "section" else header.e_phoff + index * 56


def test_a_huge_section_count_is_refused_without_reading_it():
    data = bytearray(samples()["object64"])
    first = header_offsets(bytes(data), "section", 0)
    struct.pack_into("<H", data, 60, 0)  # e_shnum 0: the count is in section 0's sh_size
    struct.pack_into("<Q", data, first + 32, 1 << 60)
    started = time.process_time()
    with pytest.raises(ElfError, match="section headers"):
        reader.read(bytes(data), "sample")
    assert time.process_time() - started < 1


@pytest.mark.parametrize("kind", [2, 4, 9], ids=["symbols", "rela", "rel"])
def test_section_0_is_never_a_table(kind):
    data = bytearray(samples()["object64"])
    struct.pack_into("<I", data, header_offsets(bytes(data), "section", 0) + 4, kind)
    with pytest.raises(ElfError, match="section 0"):
        reader.read(bytes(data), "sample")


def test_a_section_larger_than_the_file_is_refused():
    data = bytearray(samples()["object64"])
    struct.pack_into("<Q", data, header_offsets(bytes(data), "section", 1) + 32, 1 << 62)
    with pytest.raises(ElfError, match="truncated"):
        reader.read(bytes(data), "sample")


def test_a_segment_larger_than_the_file_is_refused():
    data = bytearray(samples()["executable64"])
    struct.pack_into("<Q", data, header_offsets(bytes(data), "segment", 0) + 32, 1 << 62)
    with pytest.raises(ElfError, match="segment 0"):
        reader.read(bytes(data), "sample")


def test_names_that_share_one_long_string_do_not_use_up_the_memory():
    # 40,000 symbols, each named by a suffix of the same 2 MB: 80 GB of text in a 3 MB file.
    count, length = 40_000, 2_000_000
    strings = b"\0" + b"a" * length + b"\0"
    symbols = b"".join(struct.pack("<IBBHQQ", i + 1, 0, 0, 0, 0, 0) for i in range(count))
    names = b"\0"
    at_symbols = 64
    at_strings = at_symbols + len(symbols)
    at_names = at_strings + len(strings)
    at_headers = at_names + len(names)
    headers = (
        bytes(64)
        + struct.pack("<IIQQQQIIQQ", 0, 2, 0, 0, at_symbols, len(symbols), 2, 1, 8, 24)
        + struct.pack("<IIQQQQIIQQ", 0, 3, 0, 0, at_strings, len(strings), 0, 0, 1, 0)
        + struct.pack("<IIQQQQIIQQ", 0, 3, 0, 0, at_names, len(names), 0, 0, 1, 0)
    )
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01" + bytes(9),
        *(1, 62, 1, 0, 0, at_headers, 0, 64, 0, 0, 64, 4, 3),
    )
    elf = reader.read(header + symbols + strings + names + headers, "bomb")
    with pytest.raises(ElfError, match="overlap in their string table"):
        _ = elf.symbols
