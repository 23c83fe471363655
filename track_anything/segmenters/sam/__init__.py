"""SAM: weights in every format, the KerasCV reference and a lean execution."""
