"""The command line. Thin: every command parses, calls the library and prints."""

from orobuild.cli.main import oro_as, oro_ld, orobuild, orolint

__all__ = ["oro_as", "oro_ld", "orobuild", "orolint"]
