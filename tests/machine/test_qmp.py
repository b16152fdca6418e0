"""QMP messages, however the bytes arrive."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from orobuild.machine.qmp import Protocol

STREAM = b'{"QMP": {}}\r\n{"return": {}, "id": 1}\r\n{"event": "STOP", "data": {}}\r\n'


@given(st.lists(st.integers(0, len(STREAM)), max_size=8).map(sorted))
def test_messages_are_found_wherever_the_stream_is_cut(cuts):
    protocol, found = Protocol(), []
    for start, end in zip([0, *cuts], [*cuts, len(STREAM)], strict=True):
        found += protocol.feed(STREAM[start:end])

    assert found == [{"QMP": {}}, {"return": {}, "id": 1}, {"event": "STOP", "data": {}}]


@given(st.binary())
def test_other_bytes_are_no_messages(data):
    assert all(isinstance(message, dict) for message in Protocol().feed(data + b"\n"))


def test_commands_are_numbered_and_their_arguments_spelled_as_qmp_does():
    protocol = Protocol()

    data, first = protocol.command("human-monitor-command", command_line="info registers")
    _, second = protocol.command("quit")

    assert data.endswith(b"\n")
    assert json.loads(data) == {
        "execute": "human-monitor-command",
        "id": first,
        "arguments": {"command-line": "info registers"},
    }
    assert first != second
