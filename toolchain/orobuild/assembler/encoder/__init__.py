"""Statements to bytes: keystone encodes, a table of ours corrects, iced-x86 decodes back."""
