"""Who made these files from what: an in-toto statement in a DSSE envelope, signed with Ed25519.

Owns the envelope and the signature. Source: in-toto attestation framework v1, SLSA provenance v1,
DSSE v1.0.0. `cryptography` is imported when a key is used, and not before.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from orobuild.diagnostics import Span, error
from orobuild.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://slsa.dev/provenance/v1"
BUILD_TYPE: Final = "https://orobuild.dev/build/v1"


def statement(
    *,
    subjects: Mapping[str, str],
    parameters: Mapping[str, Any],
    dependencies: Mapping[str, str],
    builder_version: str,
) -> bytes:
    """The statement as JSON. `subjects` are files' SHA-256 by name.

    `parameters` say what was asked for; `dependencies` are digests (`gitCommit:…`) by URI.
    """
    described = {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": name, "digest": {"sha256": subjects[name]}} for name in sorted(subjects)
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": dict(parameters),
                "resolvedDependencies": [
                    {"uri": uri, "digest": dict([digest.split(":", 1)])}
                    for uri, digest in sorted(dependencies.items())
                ],
            },
            "runDetails": {
                "builder": {"id": "https://orobuild.dev", "version": {"orobuild": builder_version}}
            },
        },
    }
    return json.dumps(described, ensure_ascii=False, sort_keys=True).encode()


def _to_be_signed(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def private_key(pem: bytes, path: str) -> Ed25519PrivateKey:
    """The private key in a PEM file (PKCS #8). Raises `UsageError` if it is none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    hint = "make one: openssl genpkey -algorithm ed25519 -out key.pem"
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise UsageError(f"the key in '{path}' is encrypted", hint=hint) from None
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(f"there is no private key in '{path}'", hint=hint) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"the key in '{path}' is not an Ed25519 key", hint=hint)
    return key


def public_key(pem: bytes, path: str) -> Ed25519PublicKey:
    """The public key in a PEM file. Raises `UsageError` if it is none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    hint = "get it from the private key: openssl pkey -in key.pem -pubout -out key.pub"
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(f"there is no public key in '{path}'", hint=hint) from None
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"the key in '{path}' is not an Ed25519 key", hint=hint)
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """SHA-256 of the raw public key, in hexadecimal: which key, not whether to trust it."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


def sign(payload: bytes, key: Ed25519PrivateKey) -> bytes:
    """The envelope around a statement, as JSON. Ed25519 gives the same signature every time."""
    envelope = {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [
            {
                "keyid": key_id(key.public_key()),
                "sig": base64.b64encode(key.sign(_to_be_signed(payload))).decode(),
            }
        ],
    }
    return json.dumps(envelope, indent=2).encode() + b"\n"


def open_envelope(data: bytes, key: Ed25519PublicKey | None, path: str) -> dict[str, str]:
    """The subjects of an envelope's statement: SHA-256 by file name.

    With `key`, one of the signatures must be by it. Raises `InputError` naming what is wrong.
    """
    return subjects_of(open_statement(data, key, path), path)


def open_statement(data: bytes, key: Ed25519PublicKey | None, path: str) -> dict[str, Any]:
    """An envelope's statement. With `key`, one of the signatures must be by it. Raises `InputError`."""
    try:
        envelope = json.loads(data)
        kind, encoded = envelope["payloadType"], envelope["payload"]
        signatures = [base64.b64decode(s["sig"], validate=True) for s in envelope["signatures"]]
        payload = base64.b64decode(encoded, validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error, RecursionError):
        raise _refused("this is no DSSE envelope", path) from None
    if kind != PAYLOAD_TYPE:
        raise _refused(f"the envelope holds '{kind}', not an in-toto statement", path)
    if key is not None and not any(_is_by(key, s, payload) for s in signatures):
        hint = f"the key given is {key_id(key)[:16]}…"
        raise _refused("no signature is by the key given, or the statement was changed", path, hint)
    try:
        document = json.loads(payload)
        if document["_type"] != STATEMENT_TYPE:
            raise _refused(f"the statement is of type '{document['_type']}'", path)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _damaged(path) from None
    assert isinstance(document, dict)  # it has a key
    return document


def subjects_of(statement: dict[str, Any], path: str) -> dict[str, str]:
    """What a statement is about: SHA-256 by file name. Raises `InputError`."""
    try:
        return {str(s["name"]): str(s["digest"]["sha256"]) for s in statement["subject"]}
    except (KeyError, TypeError):
        raise _damaged(path) from None


def _refused(message: str, path: str, hint: str | None = None) -> InputError:
    return InputError(error(message, Span(path), hint=hint))


def _damaged(path: str) -> InputError:
    return _refused("the statement in the envelope is damaged", path)


def _is_by(key: Ed25519PublicKey, signature: bytes, payload: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, _to_be_signed(payload))
    except InvalidSignature:
        return False
    return True
