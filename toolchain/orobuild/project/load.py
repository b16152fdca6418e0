"""Finding, reading and checking a configuration file."""

from __future__ import annotations

import re
import types
import typing
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from orobuild.configuration import FILES, ConfigError, label, locate, read_table
from orobuild.configuration_table import ConfigurationTable
from orobuild.diagnostics import Span, did_you_mean, error
from orobuild.errors import UsageError
from orobuild.lint import settings as lint_settings
from orobuild.matching import files_matching
from orobuild.project.schema import Config, Profile, Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from orobuild.lint.config import LintConfig

# -Og, since zig cc knows two ways only: -O0 and -Og are one, every other level is the other.
_BUILT_IN_PROFILES = {"debug": Profile(cflags=["-Og"]), "release": Profile(cflags=["-O2"])}


@dataclass(frozen=True, slots=True)
class Project:
    """A configuration and the directory that its paths are relative to.

    `families` are the globs of targets with `each`, which are one target a file in `config`.
    """

    root: Path
    file: Path
    config: Config
    lint: LintConfig
    families: tuple[str, ...] = ()

    def profile(self, name: str | None) -> tuple[str, Profile]:
        """The profile called `name`, or the default one. Raises `UsageError`."""
        name = name or self.config.default_profile
        profiles = {**_BUILT_IN_PROFILES, **self.config.profiles}
        if name not in profiles:
            raise UsageError(
                f"unknown profile '{name}'",
                hint=did_you_mean(name, profiles) or f"known profiles: {', '.join(profiles)}",
            )
        return name, profiles[name]

    def order(self, names: typing.Sequence[str] = ()) -> list[str]:
        """The targets `names` (all, when empty) with what they embed, in the order to build."""
        targets, ordered = self.config.targets, []
        visiting: list[str] = []

        def visit(name: str) -> None:
            if name in ordered:
                return
            if name in visiting:
                cycle = " -> ".join([*visiting[visiting.index(name) :], name])
                self.fail(f"targets embed each other in a circle: {cycle}", "embeds")
            visiting.append(name)
            for embedded in targets[name].embeds:
                if embedded not in targets:
                    self.fail(
                        f"target '{name}' embeds '{embedded}', which is not a target",
                        embedded,
                        hint=did_you_mean(embedded, targets),
                    )
                visit(embedded)
            visiting.pop()
            ordered.append(name)

        for name in names or targets:
            if name not in targets:
                raise UsageError(
                    f"no target is called '{name}'",
                    hint=did_you_mean(name, targets) or f"targets: {', '.join(targets)}",
                )
            visit(name)
        return ordered

    def fail(self, message: str, word: str, *, hint: str | None = None) -> NoReturn:
        """Raise `ConfigError` at the place in the file where `word` stands."""
        raise ConfigError(error(message, locate(self.file, word), hint=hint))

    def sources(self, name: str) -> tuple[str, ...]:
        """The target's source files, relative to the root with `/`, each once, in link order."""
        target = self.config.targets[name]
        excluded = {
            path for pattern in target.exclude for path in files_matching(self.root, pattern)
        }
        found: dict[str, None] = {}
        for pattern in target.sources:
            matches = sorted(set(files_matching(self.root, pattern)) - excluded)
            if not matches:
                self.fail(f"target '{name}': no file matches '{pattern}'", pattern)
            found.update(dict.fromkeys(matches))
        return tuple(found)

    def patterns(self) -> list[str]:
        """Every path and glob that says which files there are, families' (`each`) among them."""
        found = dict.fromkeys(self.families)
        for target in self.config.targets.values():
            named = (target.script, target.constants, target.prebuilt)
            found.update(dict.fromkeys([*target.sources, *target.exclude, *filter(None, named)]))
        return list(found)


def load(root: Path) -> Project:
    """The checked configuration of the project in `root`. Raises `ConfigError`, `UsageError`."""
    for name in FILES:
        file = root / name
        if file.is_file() and (table := read_table(file)) is not None:
            return _checked(root, file, table)
    raise UsageError(
        f"no orobuild configuration in {root}",
        hint="write orobuild.toml, or a [tool.orobuild] table in pyproject.toml",
    )


def _checked(root: Path, file: Path, table: dict[str, Any]) -> Project:
    for key, known in _unknown_keys(table, Config):
        raise ConfigError(
            error(
                f"unknown key '{key}'",
                locate(file, key),
                hint=did_you_mean(key, known) or f"known keys: {', '.join(sorted(known))}",
            )
        )
    try:
        config = msgspec.convert(table, Config)
    except msgspec.ValidationError as problem:
        message, _, path = str(problem).partition(" - at ")
        word = re.findall(r"[\w-]+", path)
        raise ConfigError(
            error(
                f"{message}{f' (at {path})' if path else ''}",
                locate(file, word[-1]) if word else Span(label(file)),
            )
        ) from problem
    families = tuple(target.each for target in config.targets.values() if target.each)
    config = msgspec.structs.replace(config, targets=_expanded(root, file, config.targets))
    lint = lint_settings.from_table(file, config.lint)
    project = Project(root, file, config, lint, families)
    if not re.fullmatch(r"[\w-][\w.-]*", config.name):
        project.fail(
            f"'{config.name}' cannot be the product's name: outputs are called after it", "name"
        )
    _check_image(project)
    _check_tests(project)
    for name, target in config.targets.items():
        _check_target(project, name, target)
    return project


def _expanded(root: Path, file: Path, targets: Mapping[str, Target]) -> dict[str, Target]:
    """`targets` with every family (`each`) replaced by its members, and globs in `embeds`."""
    found: dict[str, Target] = {}
    for name, target in targets.items():
        if not target.each:
            found[name] = target
            continue
        members = [PurePosixPath(path) for path in files_matching(root, target.each)]
        if not members or "{stem}" not in name:
            wrong = f"no file matches '{target.each}'" if not members else "the name lacks '{stem}'"
            raise ConfigError(error(f"targets '{name}': {wrong}", locate(file, target.each)))
        for member in members:
            sources = [
                source.replace("{each}", str(member)).replace("{stem}", member.stem)
                for source in target.sources
            ]
            found[name.replace("{stem}", member.stem)] = msgspec.structs.replace(
                target, each="", sources=sources
            )
    return {name: _with_embeds(name, target, found) for name, target in found.items()}


def _with_embeds(name: str, target: Target, targets: Mapping[str, Target]) -> Target:
    """`target` with the globs in its `embeds` replaced by the names that they match."""
    embeds: dict[str, None] = {}
    for pattern in target.embeds:
        matches = [other for other in targets if other != name and fnmatchcase(other, pattern)]
        embeds.update(dict.fromkeys(matches or [pattern]))
    return msgspec.structs.replace(target, embeds=list(embeds))


def _check_image(project: Project) -> None:
    image, targets = project.config.image, project.config.targets
    kernels = [image.kernel, *(entry.kernel for entry in image.entries if entry.kernel)]
    for kernel in kernels:
        if kernel not in targets:
            project.fail(
                f"image.kernel is '{kernel}', which is not a target",
                kernel,
                hint=did_you_mean(kernel, targets),
            )
    if not 0 <= image.default_entry < max(len(image.entries), 1):
        project.fail(
            f"image.default-entry is {image.default_entry}, there are {len(image.entries) or 1} "
            "entries, counted from 0",
            "default-entry",
        )
    if image.entries and (image.command_line or image.modules or image.title):
        project.fail(
            "image.entries and a title, command line or modules of [image] exclude each other",
            "entries",
            hint="say them in the entries",
        )


def _check_tests(project: Project) -> None:
    tests = project.config.test
    if tests.select and "{}" not in tests.select:
        project.fail(
            f"test.select is '{tests.select}', which has no place for a suite's name",
            "select",
            hint='it is a word of the command line with braces in it: "test={}"',
        )
    for name in ("timeout", "case_timeout", "retries"):
        if getattr(tests, name) < 0:
            key = name.replace("_", "-")
            project.fail(f"test.{key} is {getattr(tests, name)}: it cannot be negative", key)


def _check_target(project: Project, name: str, target: Target) -> None:
    if target.prebuilt and (target.sources or target.script):
        project.fail(
            f"target '{name}' is prebuilt, so it has neither sources nor a script", target.prebuilt
        )
    if not target.prebuilt and not (target.sources and target.script):
        missing = "script" if target.sources else "sources"
        project.fail(
            f"target '{name}' has no {missing}",
            name,
            hint="it takes sources and a linker script, or 'prebuilt = \"FILE.elf\"'",
        )
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)*", name) or ".." in name:
        project.fail(f"'{name}' cannot be a target's name: it becomes a file's name", name)
    for path in (target.script, target.constants, target.prebuilt):
        if path and not (project.root / path).is_file():
            project.fail(f"target '{name}': there is no file '{path}'", path)


def _unknown_keys(
    table: Mapping[str, Any], schema: type[ConfigurationTable]
) -> Iterator[tuple[str, set[str]]]:
    """Every key of `table` that `schema` lacks, with the keys it has, depth first."""
    hints = {name.replace("_", "-"): kind for name, kind in typing.get_type_hints(schema).items()}
    for key, value in table.items():
        if key not in hints:
            yield key, set(hints)
            continue
        kind = hints[key]
        if isinstance(value, list) and typing.get_origin(kind) is list:
            inner = typing.get_args(kind)[0]
            if isinstance(inner, type) and issubclass(inner, ConfigurationTable):
                for entry in value:
                    if isinstance(entry, dict):
                        yield from _unknown_keys(entry, inner)
        if not isinstance(value, dict):
            continue
        if isinstance(kind, types.GenericAlias):
            inner = typing.get_args(kind)[-1]
            if isinstance(inner, type) and issubclass(inner, ConfigurationTable):
                for entry in value.values():
                    if isinstance(entry, dict):
                        yield from _unknown_keys(entry, inner)
        elif isinstance(kind, type) and issubclass(kind, ConfigurationTable):
            yield from _unknown_keys(value, kind)
