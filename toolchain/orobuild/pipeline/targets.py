"""Building one target: its sources to objects, the objects to a linked image.

Every step goes through the cache. Nothing here writes an output or prints.
"""

from __future__ import annotations

import functools
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from orobuild.diagnostics import Span, error
from orobuild.elf.reader import is_elf, read
from orobuild.errors import InputError
from orobuild.pipeline import includes, last_build, revision
from orobuild.pipeline.cache import Cache
from orobuild.pipeline.compiler import needs_preprocessing
from orobuild.pipeline.fingerprint import digest, fingerprint
from orobuild.pipeline.inputs import read_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from orobuild.diagnostics import Diagnostic
    from orobuild.pipeline.compiler import Compiler
    from orobuild.pipeline.memory import Memory
    from orobuild.project import Project, Target
    from orobuild.project.schema import Profile


@dataclass(frozen=True, slots=True)
class ObjectFile:
    """One source's object. `path` is the source's; `cached` says that nothing ran for it."""

    path: str
    data: bytes
    warnings: tuple[Diagnostic, ...]
    cached: bool


@dataclass(frozen=True, slots=True)
class LinkedTarget:
    """A linked target: the file's bytes, its map for people, and all warnings on the way to it.

    `path` is the output's name in the output folder, `file_name` the one that `.incbin` uses.
    """

    name: str
    path: str
    file_name: str
    data: bytes
    map: str
    warnings: tuple[Diagnostic, ...]
    objects: int
    cached_objects: int


# Stands among the dependencies of what has the date in it.
_DATE: Final = "$SOURCE_DATE_EPOCH"
_SUFFIXES = {"elf": ".elf", "binary": ".bin"}


@dataclass(frozen=True)
class Workshop:
    """What every step of a build needs: the project, the tools and the cache.

    `embedded` holds the targets that are already linked, by the name `.incbin` reads them by; `read`
    every file that a step has read, so that all steps see one state of it; `missing` those that were
    looked for in vain. Nothing that changes after `started` (nanoseconds) is believed to be what a
    compiler has read. `memory` is that of a process that builds again and again.
    """

    project: Project
    profile: Profile
    compiler: Compiler | None
    cache_directory: Path
    unchecked: bool
    embedded: dict[str, bytes] = field(default_factory=dict)
    read: dict[str, bytes] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    started: int = field(default_factory=lambda: time.time_ns() - last_build.TICK)
    memory: Memory | None = None

    @functools.cached_property
    def cache(self) -> Cache:
        """The build cache, reading dependencies as the steps do."""
        steps = self.memory.steps if self.memory else None
        return Cache(self.cache_directory, self.read_file, steps)

    def read_file(self, name: str) -> bytes:
        """A linked target that is to be embedded, or a file of the project. Raises `OSError`."""
        if name == _DATE:
            return os.environ.get("SOURCE_DATE_EPOCH", "").encode()
        if name in self.embedded:
            return self.embedded[name]
        if name not in self.read:
            try:
                path = self.path(name)
                held = self.memory.files if self.memory else None
                self.read[name] = held.read(path) if held else read_regular(path)
            except OSError:
                self.missing.add(name)
                raise
        return self.read[name]

    def path(self, name: str) -> str:
        """Where a file of the project lies."""
        return str(self.project.root / name)

    @functools.cached_property
    def git_status(self) -> str | None:
        """What git says of the sources, asked once a build."""
        return revision.ask(str(self.project.root))

    def settled(self, names: Iterable[str]) -> bool:
        """Whether files are as they were when the build began, so that a compiler read that."""
        return all(last_build.settled(self.path(name), self.started) for name in names)

    @functools.cached_property
    def names_included(self) -> Callable[[str], tuple[tuple[str, bool, bool], ...]]:
        """The headers that a file names (`includes.names_in`), looked for once."""
        return functools.cache(self._names_included)

    def _names_included(self, name: str) -> tuple[tuple[str, bool, bool], ...]:
        try:
            return includes.names_in(self.read_file(name))
        except OSError:
            return ()

    def read_source(self, name: str) -> str:
        """A source's text; bytes that are not UTF-8 survive as surrogates."""
        try:
            return self.read_file(name).decode("utf-8", "surrogateescape")
        except OSError as problem:
            raise InputError(error(f"cannot read: {problem.strerror}", Span(name))) from problem


def c_flags(shop: Workshop, target: Target) -> list[str]:
    """The flags of a target's C files."""
    return [
        *shop.project.config.compiler.flags,
        *target.cflags,
        *shop.profile.cflags,
        *(f"-I{directory}" for directory in target.include_dirs),
    ]


def compile_source(shop: Workshop, compiler: Compiler, target: Target, source: str) -> ObjectFile:
    """One C file to an object."""
    flags = c_flags(shop, target)
    key = digest(
        "cc",
        fingerprint(),
        compiler.fingerprint,
        *compiler.arguments(flags),
        source,
        shop.read_source(source),
    )
    if hit := shop.cache.get(key):
        return ObjectFile(source, *hit, cached=True)
    made = compiler.compile(source, flags, shop.project.root)
    looked_for = _looked_for(shop, source, flags, made.dependencies)
    if shop.settled((source, *looked_for)):
        shop.cache.put(key, made.object, dependencies=looked_for, warnings=made.warnings)
    return ObjectFile(source, made.object, made.warnings, cached=False)


def _looked_for(
    shop: Workshop, source: str, flags: Sequence[str], found: Sequence[str]
) -> tuple[str, ...]:
    """What a compiler has read for `source`, and what it would have read had it been there."""
    absent = includes.absent(
        (source, *found),
        includes.search_path(flags),
        names=shop.names_included,
        exists=lambda name: (shop.project.root / name).is_file(),
    )
    dated = any(includes.is_dated(shop.read.get(name, b"")) for name in (source, *found))
    return (*found, *dict.fromkeys(absent), *((_DATE,) if dated else ()))


def shared_constants(shop: Workshop, exported: ObjectFile) -> dict[str, int]:
    """The assembly symbols that a compiled C file exports (see `elf.dwarf`)."""
    key = digest("constants", fingerprint(), exported.data)
    if hit := shop.cache.get(key):
        return msgspec.json.decode(hit[0], type=dict[str, int])
    from orobuild.elf import dwarf, reader

    found = dwarf.constants(reader.read(exported.data, exported.path))
    shop.cache.put(key, msgspec.json.encode(found))
    return found


def assemble_source(
    shop: Workshop, target: Target, source: str, constants: Mapping[str, int]
) -> ObjectFile:
    """One assembly file to an object; through the C preprocessor when it needs that."""
    text = shop.read_source(source)
    dependencies: tuple[str, ...] = ()
    preprocessed = needs_preprocessing(source, text)
    key = digest(
        "as",
        fingerprint(),
        source,
        text,
        repr(sorted(shop.profile.symbols.items())),
        repr(sorted(constants.items())),
        repr(target.include_dirs),
        repr(shop.unchecked),
        shop.compiler.fingerprint if preprocessed and shop.compiler else "",
    )
    if hit := shop.cache.get(key):
        return ObjectFile(source, *hit, cached=True)
    settled = True
    if preprocessed and shop.compiler:
        flags = c_flags(shop, target)
        text, found = shop.compiler.preprocess(source, flags, shop.project.root)
        dependencies = _looked_for(shop, source, flags, found)
        settled = shop.settled((source, *dependencies))
    from orobuild import assembler
    from orobuild.assembler.encoding_cache import EncodingCache

    options = assembler.Options(
        strict=not shop.unchecked,
        include_dirs=tuple(target.include_dirs),
        symbols=shop.profile.symbols,
        constants=constants,
        code_ranges=True,
        debug_info=True,
        encodings=EncodingCache(shop.cache_directory / "encodings", source),
    )
    missing: list[str] = []

    def read_file(name: str) -> bytes:
        try:
            return shop.read_file(name)
        except OSError:
            missing.append(name)
            raise

    made = assembler.assemble(text, source, options, read_file=read_file)
    dependencies += (*made.dependencies, *missing)
    if settled:
        shop.cache.put(key, made.object, dependencies=dependencies, warnings=made.warnings)
    return ObjectFile(source, made.object, made.warnings, cached=False)


def output_path(shop: Workshop, name: str, target: Target) -> str:
    """A target's file in the output folder: the kernel is called after the product."""
    config = shop.project.config
    return f"{config.name if name == config.image.kernel else name}{_SUFFIXES[target.format]}"


def read_prebuilt(shop: Workshop, name: str, target: Target) -> LinkedTarget:
    """A target that somebody else has linked, as it is, or unpacked. Raises `InputError`."""
    from orobuild.image.adaptation import unpacked

    try:
        data = shop.read_file(target.prebuilt)
    except OSError as problem:
        span = Span(target.prebuilt)
        raise InputError(error(f"cannot read: {problem.strerror}", span)) from problem
    data = unpacked(data, target.prebuilt)
    if target.format == "elf":
        if data and not is_elf(data):
            hint = 'a kernel that is no ELF file takes: format = "binary"'
            raise InputError(error("not an ELF file", Span(target.prebuilt), hint=hint))
        read(data, target.prebuilt)
    return LinkedTarget(
        name=name,
        path=output_path(shop, name, target),
        file_name=name + _SUFFIXES[target.format],
        data=data,
        map="",
        warnings=(),
        objects=0,
        cached_objects=0,
    )


def link_objects(
    shop: Workshop, name: str, target: Target, objects: Sequence[ObjectFile]
) -> LinkedTarget:
    """A target's objects to its linked image."""
    suffix = _SUFFIXES[target.format]
    path = output_path(shop, name, target)
    text = shop.read_source(target.script)
    parts = ["ld", fingerprint(), target.script, text, repr((target, shop.unchecked))]
    parts += [part for o in objects for part in (o.path, digest(o.data))]
    key, map_key = digest(*parts), digest("map", *parts)

    def linked_as(data: bytes, plan: str, warnings: tuple[Diagnostic, ...]) -> LinkedTarget:
        return LinkedTarget(
            name=name,
            path=path,
            file_name=name + suffix,
            data=data,
            map=plan,
            warnings=(*(w for o in objects for w in o.warnings), *warnings),
            objects=len(objects),
            cached_objects=sum(o.cached for o in objects),
        )

    image, plan = shop.cache.get(key), shop.cache.get(map_key)
    if image and plan:
        return linked_as(image[0], plan[0].decode("utf-8", "surrogateescape"), image[1])
    from orobuild import linker
    from orobuild.linker import script as scripts
    from orobuild.linker.map_text import render_map

    read: list[str] = []

    def read_file(file: str) -> bytes:
        read.append(file)
        return shop.read_file(file)

    script = scripts.parse(text, target.script, read_file=read_file)
    options = linker.LinkOptions(
        strict=not shop.unchecked,
        orphan_handling="place" if shop.unchecked else "error",
        gc_sections=target.gc_sections,
        code_symbols=target.code_symbols,
        build_id="" if target.build_id == "none" else target.build_id,
        output_format=target.format,
        strip=target.strip,
        pie=target.pie,
    )
    link = shop.memory.linker(name).link if shop.memory else linker.link
    linked = link([linker.LinkInput(o.path, o.data) for o in objects], script, options)
    rendered = render_map(linked.map)
    shop.cache.put(key, linked.data, dependencies=read, warnings=linked.warnings)
    shop.cache.put(map_key, rendered.encode("utf-8", "surrogateescape"))
    return linked_as(linked.data, rendered, linked.warnings)


@dataclass(frozen=True)
class PendingSources:
    """A target's C files on their way through the compiler."""

    target: Target
    sources: tuple[str, ...]
    compiled: dict[str, Future[ObjectFile]]
    exported: Future[ObjectFile] | None


def start_compiling(shop: Workshop, name: str, pool: Executor) -> PendingSources:
    """Start compiling a target's C files in `pool`."""
    target = shop.project.config.targets[name]
    sources = shop.project.sources(name)
    _check_kinds(shop, name, sources)
    compiler = shop.compiler
    if compiler is None:
        return PendingSources(target, sources, {}, None)

    def submit(source: str) -> Future[ObjectFile]:
        return pool.submit(compile_source, shop, compiler, target, source)

    compiled = {source: submit(source) for source in sources if source.endswith(".c")}
    exported = None
    if target.constants:
        exported = compiled.get(target.constants) or submit(target.constants)
    return PendingSources(target, sources, compiled, exported)


def _check_kinds(shop: Workshop, name: str, sources: Sequence[str]) -> None:
    for source in sources:
        if not source.endswith((".c", ".S", ".s")):
            shop.project.fail(
                f"target '{name}': '{source}' is neither C (.c) nor assembly (.S, .s)",
                source,
                hint="name included files in the source that includes them",
            )


def finish_objects(shop: Workshop, pending: PendingSources) -> list[ObjectFile]:
    """Assemble what is assembly, wait for what is C; the objects in link order.

    Every source is tried, so that one build shows the errors of all of them. Raises `InputError`.
    """
    problems: list[Diagnostic] = []
    objects: dict[str, ObjectFile] = {}
    constants: Mapping[str, int] | None = {}
    if pending.exported:
        try:
            constants = shared_constants(shop, pending.exported.result())
        except InputError as failure:
            constants = None  # assembling without them would only report what is missing
            if pending.target.constants not in pending.compiled:
                problems += failure.diagnostics
    for source in pending.sources:
        try:
            if source in pending.compiled:
                continue
            if constants is not None:
                objects[source] = assemble_source(shop, pending.target, source, constants)
        except InputError as failure:
            problems += failure.diagnostics
    for source, future in pending.compiled.items():
        try:
            objects[source] = future.result()
        except InputError as failure:
            problems += failure.diagnostics
    if problems:
        raise InputError(problems)
    return [objects[source] for source in pending.sources]
