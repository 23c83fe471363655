"""The project's own small promptable network: weights in the package, no download."""
