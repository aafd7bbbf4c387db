"""Asynchronous jobs at the ``.ci.`` host (``docs/spec/api/persistent-processing.md#8``)."""

from openmogr.api.jobs.desk import JobDesk

__all__ = ["JobDesk"]
