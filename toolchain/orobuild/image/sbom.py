"""The software bill of materials: a CycloneDX document of what was delivered and what made it.

Written as plain JSON, since importing CycloneDX's library costs more than the whole build; the
tests let that library judge the result. Source: CycloneDX 1.6.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from orobuild.image.gpt import derived_guid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SPEC_VERSION: Final = "1.6"


def cyclonedx(
    *,
    name: str,
    version: str,
    artifacts: Sequence[tuple[str, str]],
    tools: Mapping[str, str],
    identity: bytes,
    timestamp: str | None = None,
) -> bytes:
    """The document as JSON.

    `artifacts` are (file name, SHA-256), the kernel first; `tools` are versions by name.
    `identity` is what the document's serial number follows from; `timestamp` is RFC 3339, left
    out when the build has no date.
    """
    metadata: dict[str, Any] = {
        "tools": {
            "components": [
                {"type": "application", "name": tool, "version": tools[tool]}
                for tool in sorted(tools)
            ]
        },
        "component": {"type": "operating-system", "bom-ref": name, "name": name},
    }
    if version:
        metadata["component"]["version"] = version
    if timestamp:
        metadata["timestamp"] = timestamp
    document = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": f"urn:uuid:{derived_guid(identity, 'sbom')}",
        "version": 1,
        "metadata": metadata,
        "components": [
            {
                "type": "file",
                "bom-ref": f"file:{file}",
                "name": file,
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
            for file, digest in artifacts
        ],
        "dependencies": [
            {"ref": name, "dependsOn": [f"file:{file}" for file, _ in artifacts]},
            *({"ref": f"file:{file}"} for file, _ in artifacts),
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def digests(data: bytes) -> dict[str, str] | None:
    """The SHA-256 of each file that a document names; None if it is no CycloneDX document."""
    try:
        document = json.loads(data)
        if document["bomFormat"] != "CycloneDX":
            return None
        return {
            str(component["name"]): str(digest["content"])
            for component in document["components"]
            for digest in component["hashes"]
            if digest["alg"] == "SHA-256"
        }
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
