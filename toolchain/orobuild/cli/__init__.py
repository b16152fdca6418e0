"""The command line. Thin: every command parses, calls the library and prints.

The entry points are here, so that the drop-in programs start without click.
"""

from __future__ import annotations

from typing import NoReturn


def orobuild() -> NoReturn:
    """`orobuild`."""
    from orobuild.cli import main

    main.orobuild()


def orolint() -> NoReturn:
    """`orolint`."""
    from orobuild.cli import main

    main.orolint()


def oro_as() -> NoReturn:
    """`oro-as`."""
    import gc
    import sys

    # As in oro_ld: hardly anything is garbage before the end, modules least of all.
    gc.disable()

    from orobuild.cli import endings
    from orobuild.cli.commands import oro_as as program

    endings.finish(lambda: program.run(sys.argv[1:]), at_once=True)


def oro_ld() -> NoReturn:
    """`oro-ld`."""
    import gc
    import sys

    from orobuild.cli import endings
    from orobuild.cli.commands import oro_ld as program

    # The process ends before a collector would find anything: 8 % of a link of 800 objects.
    gc.disable()
    endings.finish(lambda: program.run(sys.argv[1:]), at_once=True)


__all__ = ["oro_as", "oro_ld", "orobuild", "orolint"]
