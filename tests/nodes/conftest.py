"""versitygw, and its keys in the environment of all servers."""

from tests.versitygw import keys_in_the_environment, versitygw

__all__ = ["keys_in_the_environment", "versitygw"]
