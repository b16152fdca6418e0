"""JSON with everything that is known, and its schema (docs/test-report.schema.json).

`python -m orobuild.testing.reporters.json_report > docs/test-report.schema.json`; a test compares.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from orobuild.testing.outcome import Kind
from orobuild.testing.reporters import shown

if TYPE_CHECKING:
    from pathlib import Path

    from orobuild.testing.cell import Cell
    from orobuild.testing.outcome import CellResult, Result, Run

VERSION: Final = 1


def report(run: Run, root: Path) -> str:
    """One object."""
    value = {
        "version": VERSION,
        "project": run.project,
        "passed": run.passed,
        "status": run.status,
        "interrupted": run.interrupted,
        "seconds": round(run.seconds, 3),
        "counts": {kind.value: run.counts[kind] for kind in Kind if run.counts[kind]},
        "cells": [_cell(cell, root) for cell in run.cells],
    }
    return json.dumps(value, indent=2) + "\n"


def _cell(result: CellResult, root: Path) -> dict[str, Any]:
    return {
        "name": result.name,
        "machine": _machine(result.cell),
        "repetition": result.repetition,
        "attempts": result.attempts,
        "passed": result.passed,
        "seconds": round(result.seconds, 3),
        "log": shown(result.log, root) if result.log else None,
        "earlier-logs": [shown(log, root) for log in result.earlier_logs],
        "tail": list(result.tail),
        "suites": list(result.suites),
        "deselected": result.deselected,
        "live": result.live,
        "timings": {name: round(seconds, 3) for name, seconds in result.timings},
        "results": [_result(one) for one in result.results],
    }


def _machine(cell: Cell) -> dict[str, Any]:
    """The machine; of a place of a lab nobody has said what it is."""
    known = {"profile": cell.profile, "emulator": cell.emulator, "boot": cell.boot}
    of_emulator = {
        "firmware": cell.firmware,
        "drive": cell.drive,
        "type": cell.machine,
        "cpu": cell.cpu,
        "cores": cell.cores,
        "memory-mib": cell.memory_mib,
        "timeout": cell.timeout,
    }
    return known | (dict.fromkeys(of_emulator) if cell.is_place else of_emulator)


def _result(result: Result) -> dict[str, Any]:
    return {
        "path": list(result.path),
        "kind": result.kind.value,
        "good": result.is_good,
        "reason": result.reason,
        "evidence": list(result.evidence),
        "file": result.place.file if result.place else None,
        "line": result.place.line if result.place else None,
        "seconds": round(result.seconds, 3),
        "first": _result(result.first) if result.first else None,
    }


def schema() -> dict[str, Any]:
    """The document's schema (JSON Schema 2020-12)."""
    string, boolean = {"type": "string"}, {"type": "boolean"}
    count = {"type": "integer", "minimum": 0}
    seconds = {"type": "number", "minimum": 0}
    strings = {"type": "array", "items": string}
    kinds = [kind.value for kind in Kind]
    result = _object(
        {
            "path": {**strings, "minItems": 1},
            "kind": {"enum": kinds},
            "good": boolean,
            "reason": string,
            "evidence": strings,
            "file": {"type": ["string", "null"]},
            "line": {"type": ["integer", "null"], "minimum": 0},
            "seconds": seconds,
            "first": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/result"}]},
        }
    )
    machine = _object(
        {
            "profile": string,
            "emulator": {"enum": ["qemu", "bochs", "place"]},
            "boot": {"enum": ["disk", "cd", "kernel", "network"]},
            "firmware": {"enum": ["bios", "uefi", None]},
            "drive": {"enum": ["ide", "usb", "virtio", "nvme", None]},
            "type": {"type": ["string", "null"]},
            "cpu": {"type": ["string", "null"]},
            "cores": {"type": ["integer", "null"], "minimum": 1},
            "memory-mib": {"type": ["integer", "null"], "minimum": 1},
            "timeout": {"type": ["number", "null"], "minimum": 0},
        }
    )
    cell = _object(
        {
            "name": string,
            "machine": machine,
            "repetition": count,
            "attempts": count,
            "passed": boolean,
            "seconds": seconds,
            "log": {"type": ["string", "null"]},
            "earlier-logs": strings,
            "tail": strings,
            "suites": strings,
            "deselected": count,
            "live": string,
            "timings": {"type": "object", "additionalProperties": seconds},
            "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What 'orobuild test --json FILE' writes",
        **_object(
            {
                "version": {"const": VERSION},
                "project": string,
                "passed": boolean,
                "status": {"enum": [0, 1, 2]},
                "interrupted": boolean,
                "seconds": seconds,
                "counts": {
                    "type": "object",
                    "properties": {kind: {**count, "minimum": 1} for kind in kinds},
                    "additionalProperties": False,
                },
                "cells": {"type": "array", "items": cell},
            }
        ),
        "$defs": {"result": result},
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
