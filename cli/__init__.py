"""Command line: one command per file, installed as track_anything_cli."""
