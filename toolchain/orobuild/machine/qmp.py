"""The QEMU Machine Protocol, as much of it as watching a machine needs: one JSON object a line.

Source: QEMU's docs/interop/qmp-spec. Pure: it turns bytes into messages and commands into bytes;
whoever owns the socket moves them.
"""

from __future__ import annotations

import json
from typing import Any


class Protocol:
    """One connection's state: what arrived incompletely, and how many commands were sent."""

    def __init__(self) -> None:
        self._pending = b""
        self._serial = 0

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The complete messages in `data` after what came before; what is no JSON is dropped."""
        *lines, self._pending = (self._pending + data).split(b"\n")
        messages = []
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict):
                messages.append(message)
        return messages

    def command(self, name: str, **arguments: object) -> tuple[bytes, int]:
        """The bytes of a command and the `id` that its answer will carry."""
        self._serial += 1
        message: dict[str, object] = {"execute": name, "id": self._serial}
        if arguments:
            message["arguments"] = {k.replace("_", "-"): v for k, v in arguments.items()}
        return json.dumps(message).encode() + b"\n", self._serial
