"""The program of the command tests, here too."""

from tests.afoot.conftest import afoot

__all__ = ["afoot"]
