"""Video segmentation and tracking from points, boxes, masks and prompt files."""
