"""Contents that are known only when every address is: what fills them, once the image is laid out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orobuild.linker.resolution import Resolution


class LateContent(Protocol):
    """A section, or several, that a phase made and sized before layout."""

    def fill(
        self,
        resolution: Resolution,
        image: NDArray[np.uint8],
        file_offset: NDArray[np.uint64],
    ) -> None:
        """Write into `image`; `file_offset[row]` is where a section row begins there."""
        ...


__all__ = ["LateContent"]
