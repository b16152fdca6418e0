"""Who vouches for a bundle: a signed statement that names the index by its SHA-256.

The index names everything else, so this is the signature of the whole bundle. An in-toto statement in a
DSSE envelope, as a build's provenance is, and signed with the same kind of key.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from orobuild.image import provenance
from orobuild.rig.index import INDEX_FILE, PREDICATE

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )


def sign(index: bytes, key: Ed25519PrivateKey) -> bytes:
    """The signature of an index, as the bytes of a file."""
    statement = {
        "_type": provenance.STATEMENT_TYPE,
        "subject": [{"name": INDEX_FILE, "digest": {"sha256": hashlib.sha256(index).hexdigest()}}],
        "predicateType": PREDICATE,
        "predicate": {},
    }
    return provenance.sign(json.dumps(statement, sort_keys=True).encode(), key)


def complaint(
    index: bytes, signature: bytes, key: Ed25519PublicKey | None, path: str
) -> str | None:
    """What is wrong with the signature of an index, None if nothing is.

    With `key` it must be by that key. Raises `InputError` for what is no signed statement, or is by
    somebody else.
    """
    document = provenance.open_statement(signature, key, path)
    if document.get("predicateType") != PREDICATE:
        return "it is the signature of something else than a bundle"
    sha256 = hashlib.sha256(index).hexdigest()
    if provenance.subjects_of(document, path) != {INDEX_FILE: sha256}:
        return "it is the signature of another bundle"
    return None
