"""`[debug]` of the configuration: what a kernel calls the structures that the `oro` commands show.

Expressions are GDB's, so names, types and layouts come from the kernel's own debugging information.
"""

from __future__ import annotations

from orobuild.configuration_table import ConfigurationTable

# msgspec resolves these annotations at run time, so nothing here may hide behind TYPE_CHECKING.


class Table(ConfigurationTable, frozen=True, kw_only=True):
    """`[debug.tables.NAME]`: a list in the kernel's memory, for `oro show NAME`.

    Either `rows` gives all of them, or `head` the first of a linked list. With `of`, there is such a
    list in each row of another table. `oro threads`, `ps`, `runq` and `cpu` show the tables of
    these names.
    """

    rows: str = ""
    """An expression: an array of structures or of pointers to them (`cores[0]@core_count`)."""
    of: str = ""
    """Another table; `head` is then a member of its rows."""
    head: str = ""
    """The pointer to the first element."""
    next: str = "next"
    """The member that points to the next one."""
    columns: list[str]
    """What to show of a row: a member (`process->name`), or `title=member`; in an expression
    with `$oro`, that is the pointer to the row, and `$of` to that of the other table. `/x` at its
    end makes a number hexadecimal."""


class Buddy(ConfigurationTable, frozen=True, kw_only=True):
    """`[debug.buddy]`: a buddy allocator of page frames, for `oro buddy`."""

    lists: str = ""
    """An expression: the array of free lists by order, each a pointer to the first free block."""
    next: str = "next"
    """The member of a free block that points to the next one."""
    base: str = "0"
    """An expression: a block's virtual address less its physical one, the direct map's start."""
    page_size: int = 4096
    states: str = ""
    """An expression: the array that has a number for each frame, saying what begins there."""
    frames: str = ""
    """An expression: how many frames it has."""
    free: int = 0
    """What a frame's state is if a free block begins there, its order being 0."""
    allocated: int = 0
    """The same for an allocated one."""
    order_mask: int = 0x1F
    """The bits of a state that are the order."""
    ignored: int = 0
    """The bits of a state that say something else."""
    free_count: str = ""
    """An expression: how many frames the kernel thinks are free."""
    spares: dict[str, str] = {}
    """Free frames that are in no list: tables, and the member of their rows that counts them."""


class Track(ConfigurationTable, frozen=True, kw_only=True):
    """`[debug.track]`: functions that `oro track` watches, and expressions of their arguments."""

    allocate: dict[str, str] = {}
    """Functions that return memory: how many bytes."""
    free: dict[str, str] = {}
    """Functions that take it back: which address."""
    acquire: dict[str, str] = {}
    """Functions that take a lock: its address."""
    release: dict[str, str] = {}
    """Functions that give it back: its address."""


class Debug(ConfigurationTable, frozen=True, kw_only=True):
    """`[debug]`: what the `oro` commands of GDB show of the kernel (`docs/debug.md`)."""

    tables: dict[str, Table] = {}
    """Lists in the kernel's memory."""
    frames: list[str] = []
    """Expressions: pointers to saved frames (`frame-struct` of `[lint]`), for `oro frame`."""
    boot: list[str] = []
    """Expressions that `oro boot` shows."""
    lock_struct: str = ""
    """The tag of the structure that is a lock; `oro locks` finds every variable that has one."""
    lock_held: str = ""
    """Its member that is not zero while it is held."""
    buddy: Buddy = Buddy()
    """The allocator of page frames."""
    track: Track = Track()
    """What `oro track` watches."""
