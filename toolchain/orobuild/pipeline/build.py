"""The whole build: compile, assemble, link, lint, image, deliver.

Nothing is delivered unless everything passed; the previous outputs stay as they were.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orobuild.configuration import FILES
from orobuild.errors import InputError
from orobuild.matching import files_matching
from orobuild.pipeline import checks, compiler, delivery, images, outputs, targets
from orobuild.pipeline.fingerprint import digest
from orobuild.pipeline.inputs import read_regular
from orobuild.pipeline.stages import Silent, Stages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orobuild.diagnostics import Diagnostic
    from orobuild.pipeline.delivery import BuiltTarget
    from orobuild.pipeline.memory import Memory
    from orobuild.pipeline.stages import Observer, StageTime
    from orobuild.pipeline.targets import LinkedTarget, Workshop
    from orobuild.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of a build. `output` replaces `build/<profile>`; `jobs` 0 means one a core."""

    profile: str | None = None
    targets: tuple[str, ...] = ()
    jobs: int = 0
    output: Path | None = None
    unchecked: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a build depended on, and when, for `last_build`.

    `inputs` are the files that were read or looked for in vain (None), with the hash of what was
    read; a hash that is empty is one that nobody has made. Names are relative to the project.
    `revision` is git's answer, if it was `asked`. `matches` are the globs and paths that say which
    files there are, with those that there were; `outputs` the delivered files. `started` and `delivered` are nanoseconds.
    """

    inputs: dict[str, str | None]
    matches: dict[str, list[str]]
    revision: str | None
    asked: bool
    outputs: tuple[str, ...]
    started: int
    delivered: int


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What a build made.

    `kernel`, `disk` and `images` are delivered files; the first two are None, and there are no
    images, when the kernel was not among the targets.
    `rules` is the number of lint rules that ran; `findings` are what they found short of errors,
    which would have stopped the build; `warnings` are the assembler's, compiler's and linker's.
    `cached_objects` of the `objects` were taken from the cache.
    """

    project: Project
    profile: str
    directory: Path
    targets: tuple[BuiltTarget, ...]
    kernel: Path | None
    disk: Path | None
    images: tuple[Path, ...]
    rules: int
    findings: tuple[Diagnostic, ...]
    warnings: tuple[Diagnostic, ...]
    objects: int
    cached_objects: int
    stages: tuple[StageTime, ...]
    unchecked: bool
    evidence: Evidence


def build(
    project: Project,
    request: Request,
    observer: Observer | None = None,
    memory: Memory | None = None,
) -> BuildResult:
    """Build `request.targets` (all, when empty) of `project`.

    With a `memory`, the outputs are delivered before others are asked for their opinion of them,
    which takes longer than all the rest; the result comes after that all the same.

    Raises `InputError` for everything that is wrong with the sources, `MissingToolError` and
    `UsageError` as their names say, `InternalError` when two of our readings disagree.
    """
    stages = Stages(observer or Silent())
    begun = _begun(project)
    profile_name, profile = project.profile(request.profile)
    names = project.order(request.targets)
    cache = project.root / "build" / ".cache"
    shop = targets.Workshop(
        project=project,
        profile=profile,
        compiler=_find_compiler(project, names, cache),
        cache_directory=cache,
        unchecked=request.unchecked,
        memory=memory,
    )
    linked = _link_all(shop, names, stages, request.jobs or os.cpu_count() or 1)
    lint: checks.LintOutcome | None = None
    if not request.unchecked:
        with stages.stage("lint") as done:
            lint = checks.lint_all(shop, linked)
            done.append(f"{lint.rules} rules, {len(lint.findings) or 'no'} findings")
    if not memory:
        _second_opinion(shop, linked, stages)
    media: images.Images | None = None
    if project.config.image.kernel in linked and project.config.image.disk:
        with stages.stage("image") as done:
            media = images.make(shop, profile_name, linked)
            done.append(f"{', '.join(project.config.image.formats)} for {media.firmware}")
    with stages.stage("deliver") as done:
        parcel = delivery.pack(shop, profile_name, linked, media, lint)
        directory = request.output or project.root / "build" / profile_name
        outputs.remove_abandoned(str(directory))
        outputs.write_all({directory / name: data for name, data in parcel.files.items()})
        delivered = time.time_ns()
        done.append(f"{len(parcel.files)} files")
    result = BuildResult(
        project=project,
        profile=profile_name,
        directory=directory,
        targets=tuple(delivery.describe(project, directory, target) for target in linked.values()),
        kernel=directory / parcel.kernel if parcel.kernel else None,
        disk=directory / parcel.disk if parcel.disk else None,
        images=tuple(directory / name for name in parcel.images),
        rules=lint.rules if lint else 0,
        findings=lint.findings if lint else (),
        warnings=tuple(w for target in linked.values() for w in target.warnings),
        objects=sum(target.objects for target in linked.values()),
        cached_objects=sum(target.cached_objects for target in linked.values()),
        stages=tuple(stages.done),
        unchecked=request.unchecked,
        evidence=_evidence(
            shop, begun, [str(directory / name) for name in parcel.files], delivered
        ),
    )
    if memory:
        if memory.on_delivery:
            memory.on_delivery(result)
        _second_opinion(shop, linked, stages)
    return result


def _second_opinion(shop: Workshop, linked: Mapping[str, LinkedTarget], stages: Stages) -> None:
    with stages.stage("second opinion") as done:
        asked = checks.crosscheck_all(shop, linked)
        done.append(f"LIEF and pyelftools agree on {asked}" if asked else "nothing new")


@dataclass(frozen=True, slots=True)
class _Begun:
    """What has to be looked at before a build looks at it, lest a change in between goes unseen."""

    configuration: dict[str, str | None]
    matches: dict[str, list[str]]


def _begun(project: Project) -> _Begun:
    return _Begun(
        configuration_hashes(project.root),
        {pattern: files_matching(project.root, pattern) for pattern in project.patterns()},
    )


def configuration_hashes(root: Path) -> dict[str, str | None]:
    """The hash of each file that may hold the configuration, None for one that is not there."""
    return {
        name: digest(read_regular(root / name)) if (root / name).is_file() else None
        for name in FILES
    }


def _evidence(shop: Workshop, begun: _Begun, files: Sequence[str], delivered: int) -> Evidence:
    inputs: dict[str, str | None] = {name: shop.cache.hash_of(name) for name in shop.read}
    inputs |= dict.fromkeys(shop.missing - inputs.keys() - shop.embedded.keys())
    inputs |= begun.configuration
    for name in compiler.places(shop.project.config.compiler.command):
        inputs[name] = "" if Path(name).is_file() else None
    return Evidence(
        inputs=inputs,
        matches=begun.matches,
        revision=shop.git_status if "git_status" in vars(shop) else None,
        asked="git_status" in vars(shop),
        outputs=tuple(files),
        started=shop.started,
        delivered=delivered,
    )


def _find_compiler(project: Project, names: Sequence[str], cache: Path) -> compiler.Compiler | None:
    """The C compiler, or None when nothing in the build needs one."""
    for name in names:
        target = project.config.targets[name]
        if target.constants:
            break
        if any(compiler.is_needed(project.root, source) for source in project.sources(name)):
            break
    else:
        return None
    return compiler.find(project.config.compiler.command, cache)


def _link_all(
    shop: Workshop, names: Sequence[str], stages: Stages, jobs: int
) -> dict[str, LinkedTarget]:
    """Every target, linked, in the order of `names`: what is embedded comes first."""
    linked: dict[str, LinkedTarget] = {}
    pool = ThreadPoolExecutor(max_workers=jobs)
    try:
        pending = {name: targets.start_compiling(shop, name, pool) for name in names}
        for name in names:
            try:
                linked[name] = _link_one(shop, name, pending[name], stages)
            except InputError as failure:
                explained = checks.with_consequence(shop, name, pending[name], failure)
                raise explained from failure
            shop.embedded[linked[name].file_name] = linked[name].data
    finally:
        pool.shutdown(cancel_futures=True)
    return linked


def _link_one(
    shop: Workshop, name: str, pending: targets.PendingSources, stages: Stages
) -> LinkedTarget:
    if pending.target.prebuilt:
        return targets.read_prebuilt(shop, name, pending.target)
    with stages.stage("compile, assemble") as done:
        objects = targets.finish_objects(shop, pending)
        done.append(f"{name}: {len(objects)} objects")
    with stages.stage("link") as done:
        linked = targets.link_objects(shop, name, pending.target, objects)
        done.append(f"{name}: {len(linked.data):,} bytes")
    return linked
