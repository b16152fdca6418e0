"""Our own boot loaders as a project: their sources travel with the package.

In a checkout they lie in `asm/boot/` and `linker_scripts/`; a wheel carries the same tree as
package data in `orobuild/boot/`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from orobuild.errors import InternalError
from orobuild.lint.config import LintConfig
from orobuild.project import Config, Project, Target
from orobuild.project.schema import Image

if TYPE_CHECKING:
    from typing import Final

MBR: Final = "mbr"
STAGE2: Final = "stage2"


def bios_loader() -> Project:
    """The BIOS loader: targets `MBR` and `STAGE2`."""
    package = Path(__file__).resolve().parents[1]
    for root in (package / "boot", package.parents[1]):
        if (root / "asm" / "boot").is_dir():
            break
    else:
        raise InternalError("the boot loader's sources are not installed with the package")
    stage2 = sorted(p.name for p in (root / "asm" / "boot").glob("*.S") if p.name != "mbr.S")
    targets = {
        name: Target(
            sources=[f"asm/boot/{source}" for source in sources],
            script=f"linker_scripts/boot_{name}.ld",
            include_dirs=["asm/boot"],
        )
        for name, sources in ((MBR, ["mbr.S"]), (STAGE2, stage2))
    }
    config = Config(name="boot", targets=targets, image=Image(kernel=STAGE2))
    return Project(root, Path(__file__), config, LintConfig())
