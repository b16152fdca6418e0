"""`python -m orobuild`."""

from orobuild.cli import orobuild

orobuild()
