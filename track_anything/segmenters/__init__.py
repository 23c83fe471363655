"""Segmenters: masks from prompts on one picture."""
