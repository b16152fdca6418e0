"""Configuration: from `pyproject.toml` or `orobuild.toml` to typed, frozen values.

Owns the schema and its checking. Never builds anything and never looks at the machine.
"""

from orobuild.configuration import find_root
from orobuild.project.load import Project, load
from orobuild.project.schema import Config, Target

__all__ = ["Config", "Project", "Target", "find_root", "load"]
