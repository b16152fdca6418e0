"""Loaded into GDB (`gdb -x`, or by the script beside a kernel): makes the `oro` commands.

GDB embeds the system's Python, of whatever version, without our libraries. So `oro_gdb` needs
nothing but the standard library of Python 3.7: it reads the target and owns the breakpoints, and
whatever thinks runs in a process of the interpreter that orobuild is installed for (`orobuild debug
--inspector`, `debug.inspector`), which asks back for memory, registers and values. They speak JSON,
one object a line.
"""

import os
import sys

_FOLDER = os.path.dirname(os.path.abspath(__file__))
if _FOLDER not in sys.path:
    sys.path.insert(0, _FOLDER)

import oro_gdb  # noqa: E402

oro_gdb.load()
