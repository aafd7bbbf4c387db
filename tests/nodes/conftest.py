"""Stores, and their keys in the environment of all servers."""

from tests.emulators import azurite, google
from tests.ours import ours
from tests.versitygw import keys_in_the_environment, versitygw

__all__ = ["azurite", "google", "keys_in_the_environment", "ours", "versitygw"]
