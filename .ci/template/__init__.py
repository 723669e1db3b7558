"""Checks of template.yaml that need no AWS: see README.md beside this file."""
