"""Configuration: from `pyproject.toml` or `orobuild.toml` to typed, frozen values.

Owns the schema and its checking. Never builds anything and never looks at the machine.
"""

from orobuild.project.load import Project, find_root, load
from orobuild.project.schema import Config, Target

__all__ = ["Config", "Project", "Target", "find_root", "load"]
