"""What a stopped machine has mapped, in the words of the linter's live rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orobuild.debug.page_tables import mappings
from orobuild.lint.live import LivePage

if TYPE_CHECKING:
    from orobuild.machine.snapshot import MachineSnapshot


def pages(snapshot: MachineSnapshot) -> tuple[LivePage, ...]:
    """Every page that the first processor has mapped, in ascending order."""
    first = snapshot.processors[0]
    return tuple(
        LivePage(m.virtual, m.physical, m.size, m.writable, m.executable, m.user, m.level)
        for m in mappings(snapshot.read, first.cr3, cr4=first.cr4, efer=first.efer)
    )
