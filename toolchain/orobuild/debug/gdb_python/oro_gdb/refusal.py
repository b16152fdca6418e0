"""What a command says instead of an answer."""


class Refused(Exception):
    """One line for a person."""
