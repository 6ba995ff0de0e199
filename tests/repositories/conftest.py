"""The portal's fixtures: repositories are watched while its routes are called."""

from tests.portal.conftest import clock, vaults

__all__ = ["clock", "vaults"]
