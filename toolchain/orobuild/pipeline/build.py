"""The whole build: compile, assemble, link, lint, image, deliver.

Nothing is delivered unless everything passed; the previous outputs stay as they were.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orobuild.diagnostics import Diagnostic, Severity
from orobuild.errors import InputError, InternalError
from orobuild.pipeline import compiler, loader, outputs, targets
from orobuild.pipeline.cache import digest
from orobuild.pipeline.stages import Silent, Stages

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orobuild.elf.reader import ElfFile
    from orobuild.elf.structures import ProgramHeader
    from orobuild.image import DiskImage
    from orobuild.pipeline.stages import Observer, StageTime
    from orobuild.pipeline.targets import LinkedTarget, ObjectFile, Workshop
    from orobuild.project import Project

_STRICT_RULES = "strict-"  # the prefix of the checks that `unchecked` turns off


@dataclass(frozen=True, slots=True)
class BuiltTarget:
    """A delivered target: where it lies, its segments (none for a flat binary), what was cached."""

    name: str
    path: Path
    segments: tuple[ProgramHeader, ...]
    segment_names: tuple[str, ...]
    objects: int
    cached_objects: int


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What a build made. `findings` are warnings and notes: an error would have stopped it."""

    project: Project
    profile: str
    directory: Path
    targets: tuple[BuiltTarget, ...]
    kernel: Path | None
    disk: Path | None
    rules: int
    findings: tuple[Diagnostic, ...]
    warnings: tuple[Diagnostic, ...]
    stages: tuple[StageTime, ...]
    unchecked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of a build. `output` replaces `build/<profile>`; `jobs` 0 means one a core."""

    profile: str | None = None
    targets: tuple[str, ...] = ()
    jobs: int = 0
    output: Path | None = None
    unchecked: bool = False


def build(project: Project, request: Request, observer: Observer | None = None) -> BuildResult:
    """Build `request.targets` (all, when empty) of `project`.

    Raises `InputError` for everything that is wrong with the sources, `MissingToolError` and
    `UsageError` as their names say, `InternalError` when two of our readings disagree.
    """
    stages = Stages(observer or Silent())
    profile_name, profile = project.profile(request.profile)
    names = project.order(request.targets)
    directory = request.output or project.root / "build" / profile_name
    cache = project.root / "build" / ".cache"
    shop = targets.Workshop(
        project=project,
        profile=profile,
        compiler=_compiler(project, names, cache),
        cache_directory=cache,
        unchecked=request.unchecked,
    )
    made = _make_all(shop, names, stages, request.jobs or os.cpu_count() or 1)
    kernel = project.config.image.kernel
    files = {directory / _file_name(project, name): made[name].image.data for name in names}
    disk: DiskImage | None = None
    findings: tuple[Diagnostic, ...] = ()
    rules = 0
    if not request.unchecked:
        findings, rules = _lint_all(shop, made, stages)
        _crosscheck(shop, made, stages)
    if kernel in made:
        files[directory / f"{project.config.name}.map"] = made[kernel].image.map.encode()
        disk = _image(shop, made[kernel].image.data, stages)
        files[directory / f"{project.config.name}.img"] = disk.data
    with stages.stage("deliver") as done:
        outputs.write_all(files)
        done.append(f"{len(files)} files in {_relative(directory, project.root)}")
    return BuildResult(
        project=project,
        profile=profile_name,
        directory=directory,
        targets=tuple(_built(project, directory, made[name]) for name in names),
        kernel=directory / _file_name(project, kernel) if kernel in made else None,
        disk=directory / f"{project.config.name}.img" if disk else None,
        rules=rules,
        findings=findings,
        warnings=tuple(w for m in made.values() for w in m.warnings),
        stages=tuple(stages.done),
        unchecked=request.unchecked,
    )


@dataclass(frozen=True, slots=True)
class _Made:
    """A target that has been linked, and what it was linked from."""

    image: LinkedTarget
    objects: tuple[ObjectFile, ...]
    elf: ElfFile | None

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return (*(w for o in self.objects for w in o.warnings), *self.image.warnings)


def _compiler(project: Project, names: Sequence[str], cache: Path) -> compiler.Compiler | None:
    """The C compiler, or None when nothing in the build needs one."""
    sources = [s for name in names for s in project.sources(name)]
    exports = any(project.config.targets[name].constants for name in names)
    preprocessed = any(
        compiler.needs_preprocessing(
            s, (project.root / s).read_text(encoding="utf-8", errors="replace")
        )
        for s in sources
        if s.endswith(".S")
    )
    if not exports and not preprocessed and not any(s.endswith(".c") for s in sources):
        return None
    return compiler.find(project.config.compiler.command, cache)


def _make_all(shop: Workshop, names: Sequence[str], stages: Stages, jobs: int) -> dict[str, _Made]:
    made: dict[str, _Made] = {}
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=jobs))
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)
        pending = {name: targets.start_compiling(shop, name, pool) for name in names}
        for name in names:
            try:
                made[name] = _make(shop, name, pending[name], stages)
            except InputError as failure:
                raise _explained(shop, name, pending[name], failure) from failure
            suffix = _SUFFIXES[shop.project.config.targets[name].format]
            shop.embedded[f"{name}{suffix}"] = made[name].image.data
    return made


def _make(shop: Workshop, name: str, pending: targets.PendingSources, stages: Stages) -> _Made:
    with stages.stage("compile and assemble") as done:
        objects = targets.finish_objects(shop, pending)
        fresh = sum(not o.cached for o in objects)
        done.append(f"{name}: {len(objects)} objects, {len(objects) - fresh} from the cache")
    with stages.stage("link") as done:
        image = targets.link_objects(shop, name, pending.target, objects)
        done.append(f"{name}: {len(image.data):,} bytes")
    return _Made(image, tuple(objects), _read(image.data, name, pending.target.format))


def _read(data: bytes, name: str, output_format: str) -> ElfFile | None:
    if output_format != "elf":
        return None
    from orobuild.elf import reader

    return reader.read(data, name)


def _explained(
    shop: Workshop, name: str, pending: targets.PendingSources, failure: InputError
) -> InputError:
    """`failure`, and what the image would have done had strictness not stopped it.

    A strict check fires at the first stage that can know, which sees one file. So when strictness
    is all that is wrong, the target is linked once more without it, for the linter alone, and
    its findings (the segment, its flags, the branch that gets there) follow the error.
    """
    if shop.unchecked or not all(_is_strictness(d) for d in failure.diagnostics):
        return failure
    lenient = replace(shop, unchecked=True)
    try:
        objects = targets.finish_objects(lenient, pending)
        image = targets.link_objects(lenient, name, pending.target, objects)
        elf = _read(image.data, name, pending.target.format)
        findings = _findings(shop, elf) if elf else ()
    except InputError:
        return failure  # the lenient link has errors of its own: the first ones stand
    if not findings:
        return failure
    consequence = Diagnostic(
        Severity.NOTE, f"linked all the same, '{name}' would have had these defects:"
    )
    return InputError([*failure.diagnostics, consequence, *findings])


def _is_strictness(diagnostic: Diagnostic) -> bool:
    return diagnostic.severity is not Severity.ERROR or (diagnostic.rule or "").startswith(
        _STRICT_RULES
    )


def _findings(shop: Workshop, elf: ElfFile) -> tuple[Diagnostic, ...]:
    from orobuild import lint

    return tuple(lint.check_image(elf, config=shop.project.lint))


def _lint_all(
    shop: Workshop, made: dict[str, _Made], stages: Stages
) -> tuple[tuple[Diagnostic, ...], int]:
    """Lint every ELF target; the findings and the number of rules. Errors raise `InputError`."""
    from orobuild import lint

    findings: list[Diagnostic] = []
    with stages.stage("lint") as done:
        for name, target in made.items():
            if not target.elf or not shop.project.config.targets[name].lint:
                continue
            key = digest("lint", targets.fingerprint(), repr(shop.project.lint), target.image.data)
            hit = shop.cache.get(key)
            found = hit[1] if hit else _findings(shop, target.elf)
            if not hit:
                shop.cache.put(key, b"", warnings=found)
            findings += found
        rules = lint.rule_count()
        done.append(f"{rules} rules, {len(findings)} findings")
    if any(d.severity is Severity.ERROR for d in findings):
        raise InputError(findings)
    return tuple(findings), rules


def _crosscheck(shop: Workshop, made: dict[str, _Made], stages: Stages) -> None:
    """Ask parsers that are not ours about every new image; disagreement is our bug."""
    fresh = {}
    for name, target in made.items():
        key = digest("crosscheck", targets.fingerprint(), target.image.data)
        if target.elf and not shop.cache.get(key):
            fresh[key] = (name, target.image.data)
    if not fresh:
        return
    from orobuild.elf.crosscheck import crosscheck

    with stages.stage("second opinion") as done:
        for key, (name, data) in fresh.items():
            if disagreements := crosscheck(data, name):
                raise InternalError(
                    "LIEF or pyelftools reads our output differently: "
                    + "; ".join(d.message for d in disagreements)
                )
            shop.cache.put(key, b"")
        done.append(f"LIEF and pyelftools agree on {len(fresh)} images")


def _image(shop: Workshop, kernel: bytes, stages: Stages) -> DiskImage:
    from orobuild import image

    with stages.stage("image") as done:
        boot = loader.bios_loader()
        workshop = targets.Workshop(
            project=boot,
            profile=boot.profile(None)[1],
            compiler=None,
            cache_directory=shop.cache_directory,
            unchecked=False,
        )
        with ThreadPoolExecutor(max_workers=1) as pool:
            parts = {
                name: _make(
                    workshop, name, targets.start_compiling(workshop, name, pool), Stages(Silent())
                ).image.data
                for name in (loader.MBR, loader.STAGE2)
            }
        disk = image.bios_disk(
            mbr=parts[loader.MBR],
            stage2=parts[loader.STAGE2],
            kernel=kernel,
            command_line=shop.project.config.image.command_line,
        )
        done.append(f"BIOS disk, {len(disk.data):,} bytes")
    return disk


_SUFFIXES = {"elf": ".elf", "binary": ".bin"}


def _file_name(project: Project, name: str) -> str:
    """The output's name: the kernel is called after the project, the rest after the target."""
    stem = project.config.name if name == project.config.image.kernel else name
    return f"{stem}{_SUFFIXES[project.config.targets[name].format]}"


def _built(project: Project, directory: Path, made: _Made) -> BuiltTarget:
    segments = made.elf.segments if made.elf else ()
    return BuiltTarget(
        name=made.image.name,
        path=directory / _file_name(project, made.image.name),
        segments=segments,
        segment_names=tuple(_segment_name(made.elf, s) for s in segments) if made.elf else (),
        objects=len(made.objects),
        cached_objects=sum(o.cached for o in made.objects),
    )


def _segment_name(elf: ElfFile, segment: ProgramHeader) -> str:
    """The sections that lie in a segment, as people call it: `.data .bss`."""
    end = segment.p_vaddr + segment.p_memsz
    return " ".join(
        s.name
        for s in elf.sections
        if s.is_alloc and s.sh_size and segment.p_vaddr <= s.sh_addr < end
    )


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root) if path.is_relative_to(root) else path)
