"""Objects taken out of a video: filled from the background seen in other frames."""
