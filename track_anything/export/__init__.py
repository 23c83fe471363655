"""A run in other formats: all written in one pass, without the model, rarely with the video."""

from track_anything.export.execution import ExportSummary, execute_export, export
from track_anything.export.formats import FORMATS, ExportFormat
from track_anything.export.options import load_format
from track_anything.export.plan import ExportPlan, ExportTarget, plan_export

__all__ = [
    "FORMATS",
    "ExportFormat",
    "ExportPlan",
    "ExportSummary",
    "ExportTarget",
    "execute_export",
    "export",
    "load_format",
    "plan_export",
]
