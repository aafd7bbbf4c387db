"""Objects of other stores taken into a storage of ours. Nothing here knows the server."""

from openmogr.transfer.importer import Importer, Progress, Report
from openmogr.transfer.journal import Journal
from openmogr.transfer.source import SourceError, SourceStore, open_source

__all__ = ["Importer", "Journal", "Progress", "Report", "SourceError", "SourceStore", "open_source"]
