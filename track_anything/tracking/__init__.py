"""Tracking: propagation, confidence, association and the tracker made of them."""
