"""Signed provenance and the bill of materials: what others' tools say of them, and tampering."""

from __future__ import annotations

import base64
import json
import subprocess

import pytest

from orobuild.errors import InputError, UsageError
from orobuild.image import provenance, sbom

SUBJECTS = {"oro.elf": "11" * 32, "oro.img": "22" * 32}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """(private PEM, public PEM, another public PEM), made by OpenSSL."""
    folder = tmp_path_factory.mktemp("keys")
    pems = []
    for name in ("one", "two"):
        private = folder / f"{name}.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
        public = subprocess.run(
            ["openssl", "pkey", "-in", private, "-pubout"], check=True, capture_output=True
        ).stdout
        pems.append((private.read_bytes(), public))
    return pems[0][0], pems[0][1], pems[1][1]


@pytest.fixture(scope="module")
def signed(keys):
    payload = provenance.statement(
        subjects=SUBJECTS,
        parameters={"profile": "release"},
        dependencies={"git+file:.": "gitCommit:" + "ab" * 20},
        builder_version="1",
    )
    return provenance.sign(payload, provenance.private_key(keys[0], "key.pem"))


def test_openssl_verifies_the_signature(signed, keys, tmp_path):
    envelope = json.loads(signed)
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    (tmp_path / "pae").write_bytes(
        b"DSSEv1 " + b"%d %s %d " % (len(kind), kind, len(payload)) + payload
    )
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    (tmp_path / "pub").write_bytes(keys[1])

    done = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "pub", "-rawin", "-in", "pae",
         "-sigfile", "sig"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip

    assert "Signature Verified Successfully" in done.stdout, done.stderr


def test_the_statement_is_in_totos(signed):
    statement = json.loads(base64.b64decode(json.loads(signed)["payload"]))

    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert statement["subject"][0] == {"name": "oro.elf", "digest": {"sha256": "11" * 32}}
    built = statement["predicate"]["buildDefinition"]
    assert built["externalParameters"] == {"profile": "release"}
    assert built["resolvedDependencies"][0]["digest"] == {"gitCommit": "ab" * 20}


def test_the_subjects_come_back_with_and_without_a_key(signed, keys):
    key = provenance.public_key(keys[1], "pub")

    assert provenance.open_envelope(signed, key, "p.json") == SUBJECTS
    assert provenance.open_envelope(signed, None, "p.json") == SUBJECTS


def test_another_key_or_another_statement_is_refused(signed, keys):
    with pytest.raises(InputError, match="no signature is by the key given"):
        provenance.open_envelope(signed, provenance.public_key(keys[2], "pub"), "p.json")
    envelope = json.loads(signed)
    payload = base64.b64decode(envelope["payload"]).replace(b"1111", b"1112", 1)
    envelope["payload"] = base64.b64encode(payload).decode()
    with pytest.raises(InputError, match="or the statement was changed"):
        provenance.open_envelope(
            json.dumps(envelope).encode(), provenance.public_key(keys[1], "pub"), "p.json"
        )


@pytest.mark.parametrize("part", range(0, 900, 37))
def test_any_changed_byte_is_noticed(signed, keys, part):
    changed = bytearray(signed)
    changed[part % len(changed)] ^= 0x01
    key = provenance.public_key(keys[1], "pub")
    try:
        subjects = provenance.open_envelope(bytes(changed), key, "p.json")
    except InputError as refused:
        assert str(refused).startswith("p.json: error: ")  # noqa: PT017
    else:
        assert subjects == SUBJECTS  # a byte that means nothing: the key's name, or white space


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b"\xff", b'{"payloadType": 1, "payload": "!", "signatures": []}',
     b"[" * 100_000],
)  # fmt: skip
def test_something_else_is_no_envelope(data):
    with pytest.raises(InputError, match="this is no DSSE envelope"):
        provenance.open_envelope(data, None, "p.json")


def test_keys_of_other_kinds_are_refused(keys, tmp_path):
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "x25519", "-out", tmp_path / "k"], check=True
    )
    other = (tmp_path / "k").read_bytes()
    encrypted = subprocess.run(
        ["openssl", "pkey", "-aes128", "-passout", "pass:x"], input=keys[0], capture_output=True
    ).stdout
    for pem, message in (
        (b"", "there is no private key in 'k'"),
        (keys[1], "there is no private key in 'k'"),
        (other, "is not an Ed25519 key"),
        (encrypted, "is encrypted"),
    ):
        with pytest.raises(UsageError, match=message):
            provenance.private_key(pem, "k")
    with pytest.raises(UsageError, match="there is no public key in 'k'"):
        provenance.public_key(keys[0], "k")


@pytest.fixture
def document():
    return sbom.cyclonedx(
        name="oro",
        version="1.0",
        artifacts=list(SUBJECTS.items()),
        tools={"orobuild": "1", "zig cc": "0.13"},
        identity=b"x",
        timestamp="2023-11-14T22:13:20Z",
    )


def test_cyclonedx_accepts_the_bill_of_materials(document):
    from cyclonedx.model.bom import Bom
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document.decode()) is None
    bom = Bom.from_json(json.loads(document))  # type: ignore[attr-defined]
    assert {c.name: c.hashes[0].content for c in bom.components} == SUBJECTS
    assert bom.metadata.component.name == "oro"


def test_the_bill_of_materials_is_read_back(document):
    assert sbom.digests(document) == SUBJECTS
    for broken in (b"", b"{}", b"[1]", b'{"bomFormat": "SPDX"}', b'{"bomFormat": "CycloneDX"}'):
        assert sbom.digests(broken) is None
