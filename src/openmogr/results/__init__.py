"""Results of image work, kept so that each is made once. What is lost here is only made again."""

from openmogr.results.interface import Entry, Remembering, StoreStatistics
from openmogr.results.key import result_key
from openmogr.results.recent import Recent
from openmogr.results.settings import ResultSettings
from openmogr.results.store import ResultStore

__all__ = ["Entry", "Recent", "Remembering", "ResultSettings", "ResultStore", "StoreStatistics", "result_key"]
