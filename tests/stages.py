"""The stages of a build one by one, for tests that want what lies between them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orobuild.pipeline import compiler, targets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orobuild.pipeline.targets import LinkedTarget, ObjectFile, Workshop
    from orobuild.project import Project


@dataclass(frozen=True)
class Stages:
    """One target's way: the constants it assembles with, its objects in link order, its image."""

    shop: Workshop
    constants: Mapping[str, int]
    objects: tuple[ObjectFile, ...]
    linked: LinkedTarget


def build_stages(
    project: Project, name: str, *, cache: Path, profile: str | None = None, unchecked: bool = False
) -> Stages:
    """Build the target `name` and what it embeds."""
    shop = targets.Workshop(
        project=project,
        profile=project.profile(profile)[1],
        compiler=compiler.find((), cache),
        cache_directory=cache,
        unchecked=unchecked,
    )
    with ThreadPoolExecutor() as pool:
        for target in project.order([name]):
            pending = targets.start_compiling(shop, target, pool)
            constants = (
                targets.shared_constants(shop, pending.exported.result())
                if pending.exported
                else {}
            )
            objects = targets.finish_objects(shop, pending)
            linked = targets.link_objects(shop, target, pending.target, objects)
            shop.embedded[linked.file_name] = linked.data
    return Stages(shop, constants, tuple(objects), linked)
