"""Start-up: bare Python against build.py when all is installed, orobuild, and a null build.

python benchmarks/startup.py
"""

from __future__ import annotations

import sys
from pathlib import Path

from measure import compare, show

ROOT = Path(__file__).resolve().parents[1]

if __name__ == "__main__":
    orobuild = Path(sys.executable).with_name("orobuild")
    medians = compare(
        {
            "python3 -c pass": [sys.executable, "-c", "pass"],
            "python3 -c 'import click'": [sys.executable, "-c", "import click"],
            "orobuild --version": [orobuild, "--version"],
            "build.py --version": ["python3", ROOT / "build.py", "--version"],
            "orobuild build (nothing to do)": [orobuild, "build"],
        },
        cwd=ROOT,
    )
    show(medians, "python3 -c pass")
    own = medians["build.py --version"] - medians["orobuild --version"]
    print(f"build.py itself: {own:.3f} s before orobuild")
