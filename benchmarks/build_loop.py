"""The edit loop against make, GNU as, gcc, GNU ld and grub-mkrescue, on this repository's kernel.

    python benchmarks/build_loop.py [TURNS]

Four figures, with both pipelines in turns in one run: a clean build with the same C compiler, a
one-shot build after the edit of one `.S` file, the same edit under `orobuild watch` until the linted
image is in place, and a build with nothing to do against bare Python with click. What counts is
processor time, user and system, with all children; wall time stands beside it.

The peer is a Makefile of our configuration: the same sources, flags and scripts. GNU as has no
constants from C structures; it gets them as a file of `.set` that is made once and not counted. The
peer does not lint, makes one ISO where we make the configuration's images, a manifest and an SBOM,
and leaves out the table of the code's symbols.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from measure import environment

from orobuild.pipeline import compiler, targets
from orobuild.project import Project, load

ROOT = Path(__file__).resolve().parents[1]
EDITED = "asm/boot_header.S"
OROBUILD = Path(sys.executable).with_name("orobuild")
GRUB = 'set timeout=0\nmenuentry "oro" {\n    multiboot2 /boot/oro.elf\n}\n'


def main() -> None:
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    os.environ["CC"] = "gcc"
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "project")
        for name in ("asm", "kernel", "linker_scripts"):
            shutil.copytree(ROOT / name, root / name)
        shutil.copyfile(ROOT / "pyproject.toml", root / "pyproject.toml")
        write_makefile(load(root))
        make = ["make", "-j2", "-s", "-f", "peer/Makefile"]
        build = [OROBUILD, "build"]
        clean: dict[str, list[float]] = {"peer": [], "orobuild": []}
        edited: dict[str, list[float]] = {"peer": [], "orobuild": []}
        idle: dict[str, list[float]] = {"python with click": [], "orobuild": []}
        # Our own boot loaders are kept with the cache; the peer's are GRUB's, ready made.
        run(build, root)
        loaders = [p.read_bytes() for p in (root / "build/.cache").glob("loaders-*.cpio")]
        names = [p.name for p in (root / "build/.cache").glob("loaders-*.cpio")]
        for _ in range(max(turns // 3, 1)):
            shutil.rmtree(root / "peer/out", ignore_errors=True)
            clean["peer"].append(run(make, root))
            shutil.rmtree(root / "build")
            (root / "build/.cache").mkdir(parents=True)
            for name, data in zip(names, loaders, strict=True):
                (root / "build/.cache" / name).write_bytes(data)
            clean["orobuild"].append(run(build, root))
        for turn in range(turns):
            edit(root, turn)
            edited["peer"].append(run(make, root))
            edited["orobuild"].append(run(build, root))
        run(build, root)
        for _ in range(turns):
            idle["python with click"].append(run([sys.executable, "-c", "import click"], root))
            idle["orobuild"].append(run(build, root))
        watched = watch(root, turns)
    show("clean build, gcc", clean, "peer")
    show("after an edit of one .S file", edited, "peer")
    show("the same under watch", {"peer": edited["peer"], "orobuild": watched}, "peer")
    show("nothing to do", idle, "python with click")


def run(command: list[str | Path], root: Path) -> float:
    """Processor seconds of a command with all its children."""
    before = os.times()
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False, env=environment()
    )
    if done.returncode:
        sys.exit(f"{command}: {done.stdout}{done.stderr}")
    after = os.times()
    return (
        after.children_user + after.children_system - before.children_user - before.children_system
    )


def edit(root: Path, turn: int) -> None:
    path = root / EDITED
    text = (ROOT / EDITED).read_text()
    new = path.with_name(".new")
    new.write_text(f'{text}\n.section .rodata.edited,"a",@progbits\n    .quad {turn}\n')
    new.replace(path)


def watch(root: Path, turns: int) -> list[float]:
    """Processor seconds that `orobuild watch` takes from the save to the line that says so."""
    log = root / "peer/watch.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [OROBUILD, "watch"], cwd=root, stdout=output, stderr=output, env=environment()
        )
    taken = []
    try:
        wait(log, 1)
        for turn in range(turns + 1):
            settle(process.pid)
            before = used(process.pid)
            edit(root, 1000 + turn)
            wait(log, turn + 2)
            taken.append(used(process.pid) - before)
    finally:
        process.terminate()
        process.wait()
    return taken[1:]


def wait(log: Path, count: int) -> None:
    end = time.monotonic() + 600
    while log.read_text().count("built in") < count:
        if time.monotonic() > end or "failed in" in log.read_text():
            sys.exit(log.read_text())
        time.sleep(0.002)


def used(pid: int) -> float:
    """Processor seconds of a process and the children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def settle(pid: int) -> None:
    """Wait for what a build leaves for afterwards: the second opinion."""
    before = -1.0
    while (now := used(pid)) - before > 0.02:
        before = now
        time.sleep(1)


def show(title: str, times: dict[str, list[float]], yardstick: str) -> None:
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    print(f"{title}: user+sys, medians")
    for name, median in medians.items():
        print(f"  {name:<18} {median:8.3f} s  {median / medians[yardstick]:6.2f}x")
    print(f"  difference         {medians['orobuild'] - medians[yardstick]:+8.3f} s", flush=True)


def write_makefile(project: Project) -> None:
    """`peer/Makefile`: the same targets by GNU's tools."""
    folder = project.root / "peer"
    folder.mkdir()
    (folder / "iso/boot/grub").mkdir(parents=True)
    (folder / "iso/boot/grub/grub.cfg").write_text(GRUB)
    profile = project.profile(None)[1]
    found = compiler.find((), project.root / "build/.cache")
    shop = targets.Workshop(
        project=project,
        profile=profile,
        compiler=found,
        cache_directory=project.root / "build/.cache",
        unchecked=False,
    )
    lines = ["all: peer/out/oro.iso"]
    kernel = project.config.image.kernel
    names = project.order()
    with ThreadPoolExecutor(2) as pool:
        for name in names:
            target = project.config.targets[name]
            pending = targets.start_compiling(shop, name, pool)
            constants = (
                targets.shared_constants(shop, pending.exported.result())
                if pending.exported
                else {}
            )
            defined = {**constants, **profile.symbols}
            place = f"peer/out/{name}"
            given = folder / f"{name.replace('/', '_')}.inc"
            given.write_text("".join(f".set {k}, {v}\n" for k, v in defined.items()))
            flags = " ".join([*found.arguments(targets.c_flags(shop, target))[1:]])
            includes = " ".join(f"-I{d}" for d in [*target.include_dirs, "peer/out"])
            objects = []
            for source in project.sources(name):
                made = f"{place}/{source}.o"
                objects.append(made)
                if source.endswith(".c"):
                    rule = f"gcc {flags} -c {source} -o $@"
                else:
                    rule = f"as {includes} peer/{given.name} {source} -o $@"
                embedded = " ".join(f"peer/out/{n}.elf" for n in target.embeds)
                needs = embedded if "images" in source else ""
                lines.append(f"{made}: {source} {needs}\n\t@mkdir -p $(@D)\n\t{rule}")
            options = "--gc-sections" if target.gc_sections else ""
            options += f" --build-id={target.build_id}" if target.build_id != "none" else ""
            options += " -S" if target.strip == "debug" else ""
            lines.append(
                f"{place}.elf: {' '.join(objects)} {target.script}\n"
                f"\tld {options} -T {target.script} {' '.join(objects)} -o $@"
            )
    lines.append(
        f"peer/out/oro.iso: peer/out/{kernel}.elf\n"
        "\tcp $< peer/iso/boot/oro.elf\n\tgrub-mkrescue -o $@ peer/iso 2>peer/grub.log"
    )
    (folder / "Makefile").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
