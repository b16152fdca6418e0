"""`orobuild image` and the images of `orobuild build`, as a user with a kernel of his own meets them."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from image import oracles
from image.conftest import signing_key
from orobuild.diagnostics import render_all
from orobuild.errors import InputError
from orobuild.image import media
from orobuild.image.examination import boot_of
from orobuild.pipeline import sparse_files, verification

FORMATS = [*media.FORMATS, media.TREE]
CONFIGURATION = f"""\
name = "third"
version = "1.2"

[targets.kernel]
prebuilt = "kernel.elf"
lint = false

[targets.debug]
prebuilt = "debug.elf"
lint = false

[image]
formats = {json.dumps(FORMATS)}
default-entry = 1
timeout = 3
signing-key = "key.pem"

[image.files]
"docs/Read me.txt" = "module.bin"

[[image.entries]]
title = "Third"
command-line = "quiet log=3"

[[image.entries.modules]]
file = "module.bin"
string = "the module"

[[image.entries]]
title = "Third, debug"
kernel = "debug"
"""
PYTHON = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"}


def orobuild(*words: str | Path, cwd: Path, status: int = 0, **variables: str) -> str:
    """Everything that a command says; it must end with `status`, and never with a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "orobuild", *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**PYTHON, **variables},
    )
    said = done.stdout + done.stderr
    assert done.returncode == status, said
    assert "Traceback" not in said
    return said


@pytest.fixture(scope="module", autouse=True)
def cache_home(build_cache):
    """Loaders that other tests have built are not built again."""
    PYTHON["XDG_CACHE_HOME"] = str(build_cache.parents[1])


@pytest.fixture(scope="module")
def project(tmp_path_factory, build_cache, build_kernel):
    """A folder with a configuration, two kernels made by GNU as and ld, a module and a key."""
    folder = tmp_path_factory.mktemp("third")
    (folder / "build").mkdir()
    (folder / "build" / ".cache").symlink_to(build_cache)
    (folder / "orobuild.toml").write_text(CONFIGURATION)
    (folder / "kernel.elf").write_bytes(build_kernel())
    (folder / "debug.elf").write_bytes(build_kernel(physical=0x200000))
    (folder / "module.bin").write_bytes(b"module\n" * 100)
    signing_key(folder)
    return folder


@pytest.fixture(scope="module")
def built(project):
    """The output folder of a build of `project`."""
    orobuild("build", cwd=project)
    return project / "build" / "release"


def test_a_configuration_alone_makes_every_format(built):
    names = {path.name for path in built.iterdir()}

    assert names >= {f"third{form.suffix}" for form in media.FORMATS.values()}
    assert names >= {"third.elf", "debug.elf", "manifest.json", "sbom.cdx.json", "provenance.json"}
    assert {path.name for path in (built / "third-pxe").iterdir()} == {
        "oroboot.0",
        "BOOTX64.EFI",
        "boot.ipxe",
        "OROBUILD",
        "docs",
    }
    kernel = (built / "third-pxe/OROBUILD/K0.ELF").read_bytes()
    assert kernel == (built / "third.elf").read_bytes()


def test_every_disk_boots_the_same_entries(built, project):
    for name in media.FORMATS:
        if name == "efi":
            continue
        path = built / f"third{media.FORMATS[name].suffix}"
        boot = boot_of(sparse_files.read(path), name)
        assert boot is not None, name
        first, second = boot.entries
        assert (boot.default, boot.timeout) == (1, 3)
        assert (first.title, first.command_line) == ("Third", "quiet log=3")
        assert first.modules[0].string == "the module"
        assert first.modules[0].data == (project / "module.bin").read_bytes()
        assert first.kernel == (project / "kernel.elf").read_bytes()
        assert second.kernel == (project / "debug.elf").read_bytes()


def test_the_disks_are_one_disk(built):
    for name, form in (("vmdk", "vmdk"), ("vdi", "vdi"), ("vhd", "vpc"), ("qcow2", "qcow2")):
        path = built / f"third{media.FORMATS[name].suffix}"
        said = oracles.run(
            "qemu-img", "compare", "-f", form, "-F", "raw", path, built / "third.img"
        )
        assert "Images are identical." in said


def test_a_build_that_changes_nothing_writes_nothing(built, project):
    before = {p: p.stat().st_mtime_ns for p in built.rglob("*") if p.is_file()}

    orobuild("build", cwd=project)

    assert {p: p.stat().st_mtime_ns for p in built.rglob("*") if p.is_file()} == before


def test_an_image_is_mostly_holes(built):
    status = (built / "third.img").stat()

    assert status.st_blocks * 512 < status.st_size // 10


def test_inspect_shows_menu_kernel_and_segments(built):
    said = orobuild("image", "inspect", "third.iso", cwd=built)

    for text in (
        "El Torito: UEFI starts byte 0x100000",
        "entry 1 (default): Third, debug: /OROBUILD/K1.ELF",
        "command line: quiet log=3",
        "module: /OROBUILD/M0_0.BIN (the module)",
        "/docs/Read me.txt",
        "segment R E",
        ".text",
    ):
        assert text in said
    tree = json.loads(orobuild("image", "inspect", "--json", "third.vhdx", cwd=built))
    assert tree["facts"] == [f"VHDX, a disk of {36 << 20} bytes"]


def test_inspect_of_something_damaged_says_so_and_ends_with_one(built, tmp_path):
    data = bytearray((built / "third.img").read_bytes())
    data[data.rfind(b"module\nmodule\n")] ^= 1
    (tmp_path / "x.img").write_bytes(data)

    said = orobuild("image", "inspect", "x.img", cwd=tmp_path, status=1)

    assert "damaged: /OROBUILD/M0_0.BIN: the file does not match its checksum" in said


def test_diff_of_equal_disks_is_silent_and_of_others_explains(built, project):
    assert orobuild("image", "diff", "third.img", "third.vmdk", cwd=built) == ""
    assert orobuild("image", "diff", "third.img", "third.img", cwd=built) == ""
    said = orobuild("image", "diff", "third.elf", "debug.elf", cwd=built, status=1)
    assert "third.elf, debug.elf → " in said
    rows = json.loads(
        orobuild("image", "diff", "--json", "third.img", "third.iso", cwd=built, status=1)
    )
    assert all(row["where"] for row in rows)


def test_build_makes_what_the_names_say(project, tmp_path):
    said = orobuild(
        "image", "build", project / "kernel.elf", "--cmdline", "a=1 b", "--title", "My kernel",
        "--module", f"{project / 'module.bin'}=mod=1", "--size", "40",
        "-o", "k.img", "-o", "k.iso", "-o", "k-stream.vmdk", "-o", "k.efi",
        cwd=tmp_path,
    )  # fmt: skip

    assert "k.img: raw disk or USB stick, BIOS and UEFI" in said
    assert (tmp_path / "k.img").stat().st_size == 40 << 20
    oracles.sgdisk_verify(tmp_path / "k.img")
    assert (tmp_path / "k.efi").read_bytes()[:2] == b"MZ"
    boot = boot_of(sparse_files.read(tmp_path / "k-stream.vmdk"), "k")
    assert boot is not None
    assert boot.entries[0].command_line == "a=1 b"
    assert boot.entries[0].modules[0].string == "mod=1"


def test_convert_there_and_back_gives_the_same_disk(built, tmp_path):
    orobuild("image", "convert", built / "third.img", "-o", "d.ova", "-o", "d.vhdx", cwd=tmp_path)
    orobuild("image", "convert", "d.ova", "-o", "a.img", cwd=tmp_path)
    orobuild("image", "convert", "d.vhdx", "-o", "b.qcow2", cwd=tmp_path)
    orobuild("image", "convert", "b.qcow2", "-o", "b.img", cwd=tmp_path)

    original = (built / "third.img").read_bytes()
    assert (tmp_path / "a.img").read_bytes() == original
    assert (tmp_path / "b.img").read_bytes() == original
    said = orobuild("image", "convert", "a.img", "-o", "x.iso", cwd=tmp_path, status=2)
    assert "cannot be converted to 'iso'" in said


def test_verify_passes_what_was_built(built):
    said = orobuild("image", "verify", ".", "--key", "../../key.pub", cwd=built)

    assert "10 media: structure, menu, kernels and modules" in said
    assert "signed by" in said
    assert "the signature was not checked" in orobuild("image", "verify", ".", cwd=built)


@pytest.fixture
def copy(built, tmp_path):
    """A copy of the output folder that a test may spoil."""
    folder = tmp_path / "copy"
    subprocess.run(["cp", "-a", "--sparse=always", built, folder], check=True)
    return folder


def spoil(path: Path, offset: int = 100) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def put_sum_right(folder: Path, name: str) -> None:
    """Change the manifest so that it agrees with a spoilt file."""
    described = json.loads((folder / "manifest.json").read_text())
    for artifact in described["artifacts"]:
        if artifact["name"] == name:
            artifact["sha256"] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(described, indent=2))


def check(folder: Path, project: Path) -> str:
    """What is wrong with a folder, as `orobuild image verify` says it."""
    key = (project / "key.pub").read_bytes(), "key.pub"
    try:
        done = verification.verify(verification.Directory(folder), key)
    except InputError as refused:
        return str(refused)
    assert not done.passed
    return render_all(done.problems)


@pytest.mark.parametrize(
    "name", ["third.elf", "third.img", "third.ova", "third-pxe/oroboot.0", "lint.sarif"]
)
def test_a_changed_file_is_named(copy, project, name):
    spoil(copy / name)

    assert f"{name}: error: the file is not the one in the manifest" in check(copy, project)


@pytest.mark.parametrize("name", ["third.iso", "third-pxe/OROBUILD/K0.ELF", "sbom.cdx.json"])
def test_a_missing_file_is_named(copy, project, name):
    (copy / name).unlink()

    assert f"{name}: error: cannot read: No such file" in check(copy, project)


def test_a_longer_file_is_named(copy, project):
    with (copy / "third.qcow2").open("ab") as file:
        file.write(b"\0")
    assert "third.qcow2: error: the file has" in check(copy, project)


def test_a_manifest_that_was_changed_with_the_file_is_caught_by_the_others(copy, project):
    spoil(copy / "lint.sarif", 5)
    put_sum_right(copy, "lint.sarif")

    said = check(copy, project)

    assert "sbom.cdx.json: error: it has another SHA-256 of 'lint.sarif'" in said
    assert "sbom.cdx.json: error: it has another SHA-256 of 'manifest.json'" in said
    assert "provenance.json: error: it has another SHA-256 of 'manifest.json'" in said


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"command_line": "quiet log=3"', '"command_line": "quiet log=4"'),
        ('"permissions": "R E"', '"permissions": "RWE"'),
        ('"default_entry": 1', '"default_entry": 0'),
        ('"string": "the module"', '"string": "a module"'),
    ],
)
def test_a_manifest_that_says_other_than_what_boots_is_caught(copy, project, old, new):
    text = (copy / "manifest.json").read_text()
    assert old in text
    (copy / "manifest.json").write_text(text.replace(old, new, 1))

    assert "third.img: error: it boots something else than the manifest says" in check(
        copy, project
    )


def test_a_medium_that_boots_something_else_is_caught_although_all_sums_are_right(
    copy, project, build_kernel
):
    other = build_kernel(physical=0x300000)
    (copy / "other.elf").write_bytes(other)
    orobuild("image", "build", "other.elf", "-o", "third.img", cwd=copy)
    described = json.loads((copy / "manifest.json").read_text())
    size = (copy / "third.img").stat().st_size
    next(a for a in described["artifacts"] if a["name"] == "third.img")["size"] = size
    (copy / "manifest.json").write_text(json.dumps(described))
    put_sum_right(copy, "third.img")

    assert "third.img: error: it boots something else" in check(copy, project)


def test_another_signature_none_or_a_broken_one_is_caught(copy, project, tmp_path):
    signing_key(tmp_path)
    said = orobuild("image", "verify", copy, "--key", tmp_path / "key.pub", cwd=project, status=1)
    assert "no signature is by the key given" in said
    (copy / "provenance.json").write_text("{}")
    assert "this is no DSSE envelope" in check(copy, project)
    (copy / "provenance.json").unlink()
    assert "provenance.json: error: there is no signed provenance" in check(copy, project)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no manifest of format 2"),
        ("[]", "no manifest of format 2"),
        ('{"format": 1}', "no manifest of format 2"),
        ("{" * 9999, "no manifest of format 2"),
    ],
)
def test_something_else_than_a_manifest_is_refused(copy, project, text, message):
    (copy / "manifest.json").write_text(text)

    assert message in check(copy, project)


def test_an_artifact_outside_the_folder_is_not_read(copy, project):
    described = json.loads((copy / "manifest.json").read_text())
    described["artifacts"][0]["name"] = "../../../../etc/passwd"
    (copy / "manifest.json").write_text(json.dumps(described))

    assert "'../../../../etc/passwd' lies outside the folder" in check(copy, project)


@pytest.mark.parametrize("outputs", [["x.img"], ["x.iso", "x.img"], ["x.ova"]])
def test_a_disk_that_is_full_in_the_middle_keeps_what_there_was(project, tmp_path, outputs):
    """A file that may not grow further is as good as a full disk: writing fails in the middle."""
    for name in outputs:
        (tmp_path / name).write_bytes(b"before")
    words = ["image", "build", project / "kernel.elf", *(w for o in outputs for w in ("-o", o))]
    orobuild("image", "build", project / "kernel.elf", "-o", tmp_path / "ready.efi", cwd=tmp_path)
    (tmp_path / "ready.efi").unlink()
    limit = 0x10000 if outputs == ["x.ova"] else 6 << 20

    done = subprocess.run(
        [sys.executable, "-m", "orobuild", *map(str, words)],
        cwd=tmp_path,
        env=PYTHON,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )

    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"error: cannot write '{outputs[-1]}': File too large")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(outputs)
    assert all((tmp_path / name).read_bytes() == b"before" for name in outputs)


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["build", "module.bin", "-o", "x.img"], 1, "module.bin: error: this is no kernel"),
        (["build", "kernel.elf", "-o", "x.foo"], 2, "no image format is known by the name"),
        (["build", "kernel.elf", "-o", "x", "--format", "vmkd"], 2, "did you mean 'vmdk'"),
        (["build", "kernel.elf", "-o", "x.img", "--size", "20"], 1, "too small for a FAT32"),
        (["build", "none.elf", "-o", "x.img"], 1, "none.elf: error: cannot read"),
        (["build", "kernel.elf", "--module", "none", "-o", "x.img"], 1, "none: error: cannot read"),
        (["build", "kernel.elf", "--cmdline", "a\nb", "-o", "x.img"], 1, "contains a line feed"),
        (["build", "kernel.elf", "-o", "no/such/\0/x.img"], 2, ""),
        (["build", "kernel.elf", "-o", "/proc/x.img"], 2, "cannot write '/proc/"),
        (["build", "/bin/true", "-o", "x.img"], 1, "/bin/true: error: "),
        (["convert", "module.bin", "-o", "x.vdi"], 1, "this is no disk"),
        (["convert", "none", "-o", "x.vdi"], 1, "cannot read: No such file"),
        (["inspect", "/dev/null"], 1, "cannot read: "),
        (["inspect", "."], 1, "cannot read: Is a directory"),
        (["diff", "kernel.elf", "none"], 1, "none: error: cannot read"),
        (["verify", "."], 1, "manifest.json: error: cannot read"),
        (["verify", ".", "--key", "module.bin"], 2, "there is no public key in 'module.bin'"),
        (["write", "kernel.elf", "/dev/nothing"], 2, "there is no device '/dev/nothing'"),
        (["write", "kernel.elf", "/dev/null"], 2, "'/dev/null' is not a block device"),
        (["wirte"], 2, "no such command 'wirte'"),
    ],
)
def test_what_cannot_be_is_one_located_message(project, words, status, message):
    if "\0" in "".join(words):
        words = [word.replace("\0", "") for word in words]
        status, message = 0, "x.img"
    before = {path.name for path in project.iterdir()}

    said = orobuild("image", *words, cwd=project, status=status)

    assert message in said
    assert {path.name for path in project.iterdir()} - {"no"} == before - {"no"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('prebuilt = "kernel.elf"', 'prebuilt = "none.elf"', "there is no file 'none.elf'"),
        ('prebuilt = "kernel.elf"', 'prebuilt = "module.bin"', "module.bin: error: not an ELF"),
        ('file = "module.bin"', 'file = "none.bin"', "none.bin: error: cannot read"),
        ('kernel = "debug"', 'kernel = "debgu"', "did you mean 'debug'"),
        ("default-entry = 1", "default-entry = 2", "image.default-entry is 2, there are 2"),
        ('"vdi"', '"vid"', "Invalid enum value 'vid'"),
        ('title = "Third"', 'titel = "Third"', "unknown key 'titel'"),
        ('signing-key = "key.pem"', 'signing-key = "none"', "cannot read the signing key 'none'"),
        ('signing-key = "key.pem"', 'signing-key = "key.pub"', "there is no private key in"),
        ("timeout = 3", "timeout = 30000", "the timeout is 30000 s"),
        ('"docs/Read me.txt"', '"OROBUILD/K0.ELF"', "would replace a file of the loader's"),
        ('"docs/Read me.txt"', '"a:b"', "cannot be a file on a FAT volume"),
        ("timeout = 3", "size-mib = 3", "too small for a FAT32 boot volume"),
        ("lint = false\n\n[targets.debug]", 'script = "x"\n[targets.debug]', "is prebuilt"),
    ],
)
def test_a_wrong_configuration_is_explained_and_nothing_is_written(
    project, built, tmp_path, old, new, message
):
    folder = tmp_path / "p"
    folder.mkdir()
    for name in ("kernel.elf", "debug.elf", "module.bin", "key.pem", "key.pub"):
        (folder / name).symlink_to(project / name)
    (folder / "build").mkdir()
    (folder / "build" / ".cache").symlink_to(project / "build" / ".cache")
    assert old in CONFIGURATION
    (folder / "orobuild.toml").write_text(CONFIGURATION.replace(old, new, 1))
    done = subprocess.run(
        [sys.executable, "-m", "orobuild", "build"], cwd=folder, capture_output=True, text=True
    )

    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "build" / "release").exists()
