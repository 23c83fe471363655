"""Files in and out: one format per file, reader and sink together."""
