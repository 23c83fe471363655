"""Objects nobody prompted for: from a grid of clicks, from regions of a picture, from motion."""
