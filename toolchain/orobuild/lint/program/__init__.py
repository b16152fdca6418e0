"""The program model: what an image is, as lint's rules need to see it."""

from orobuild.lint.program.program import Program

__all__ = ["Program"]
