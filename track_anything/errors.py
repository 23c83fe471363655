"""The errors a caller can meet. Every one is also the builtin a caller would expect.

TrackAnythingError
├── VideoError (OSError)          a video, image folder or camera cannot be read
├── OutputError (OSError)         a result cannot be written
├── PromptError (ValueError)      a prompt is malformed or does not fit the video
├── ConfigError (ValueError)      a setting is unknown or out of range
├── WeightsError (ValueError)     a checkpoint is missing, damaged or of another model
├── DatasetError (ValueError)     a folder of ground truth is not laid out as expected
├── SegmenterError (RuntimeError) a segmenter failed on an image it should handle
├── TrackingError (RuntimeError)  a tracker or propagator was called out of order
└── DependencyError (ImportError) an optional library is needed and not installed
"""


class TrackAnythingError(Exception):
    """Anything this package reports on purpose; its text is one line for the user."""


class VideoError(TrackAnythingError, OSError):
    """A video, image folder or camera cannot be read."""


class OutputError(TrackAnythingError, OSError):
    """A result cannot be written."""


class PromptError(TrackAnythingError, ValueError):
    """A prompt is malformed or does not fit the video."""


class ConfigError(TrackAnythingError, ValueError):
    """A setting is unknown or out of range."""


class WeightsError(TrackAnythingError, ValueError):
    """A checkpoint is missing, damaged or of another model."""


class DatasetError(TrackAnythingError, ValueError):
    """A folder of ground truth is not laid out as expected."""


class SegmenterError(TrackAnythingError, RuntimeError):
    """A segmenter failed on an image it should handle."""


class TrackingError(TrackAnythingError, RuntimeError):
    """A tracker or propagator was called out of order."""


class DependencyError(TrackAnythingError, ImportError):
    """An optional library is needed and not installed."""
