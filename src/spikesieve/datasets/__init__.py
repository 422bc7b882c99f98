"""Recordings that come with the package, ready to be binned and fitted."""

from spikesieve.datasets._extract import load_head_direction_recording
from spikesieve.datasets._recording import BinnedRecording, Recording

__all__ = ["BinnedRecording", "Recording", "load_head_direction_recording"]
