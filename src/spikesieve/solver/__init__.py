"""The path solver: certified minimisers of mean loss plus strength times penalty."""

from spikesieve._errors import Status
from spikesieve.solver._path import path
from spikesieve.solver._record import Path

__all__ = ["Path", "Status", "path"]
