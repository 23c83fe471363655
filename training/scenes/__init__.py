"""Drawn training scenes: pictures without a camera whose object masks are exact."""

from .kinds import KINDS, WEIGHTS, render_scene
from .scene import Scene

__all__ = ["KINDS", "WEIGHTS", "Scene", "render_scene"]
