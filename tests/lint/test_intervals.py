"""The interval map answers as a look at every interval would."""

from __future__ import annotations

import itertools
import time

from hypothesis import given
from hypothesis import strategies as st

from orobuild.lint.program.intervals import IntervalMap
from orobuild.lint.program.widths import _flatten

edges = st.integers(0, 60)
intervals = st.lists(st.tuples(edges, edges), max_size=12)


@given(intervals)
def test_the_lowest_index_that_contains_an_address_is_found(pairs):
    model = IntervalMap((start, end, i) for i, (start, end) in enumerate(pairs))
    for address in range(-1, 62):
        expected = next((i for i, (s, e) in enumerate(pairs) if s <= address < e), None)
        assert model.find(address) == expected


@given(intervals)
def test_the_pieces_are_disjoint_sorted_and_cover_the_same_addresses(pairs):
    model = IntervalMap((start, end, i) for i, (start, end) in enumerate(pairs))
    pieces = list(model.pieces())
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(pieces))
    covered = {a for start, end, _ in pieces for a in range(start, end)}
    assert covered == {a for start, end in pairs for a in range(start, end)}


@given(st.lists(st.tuples(edges, edges, st.sampled_from((16, 32, 64))), max_size=10))
def test_of_overlapping_widths_the_last_one_counts(ranges):
    flat = _flatten(ranges)
    for address in range(62):
        expected = next((w for s, e, w in reversed(ranges) if s <= address < e), None)
        assert next((w for s, e, w in flat if s <= address < e), None) == expected
    for (_, end, width), (start, _, other) in itertools.pairwise(flat):
        assert end < start or width != other  # what touches is joined


def test_a_hundred_thousand_nested_intervals_are_no_trap():
    count = 100_000
    started = time.process_time()
    model = IntervalMap((i, 2 * count - i, i) for i in range(count))
    assert model.find(count) == 0
    assert time.process_time() - started < 30
