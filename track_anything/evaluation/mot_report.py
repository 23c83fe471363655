"""Scores of boxes as text."""

from collections.abc import Mapping

from track_anything.evaluation.text_table import aligned_lines

_LINES = (
    ("HOTA", "DetA", "AssA", "LocA", "DetRe", "DetPr", "AssRe", "AssPr"),
    ("MOTA", "MOTP", "IDSW", "FP", "FN", "Frag", "MT", "PT", "ML"),
    ("IDF1", "IDP", "IDR", "IDTP", "IDFP", "IDFN"),
    ("frames", "truth_boxes", "result_boxes", "truth_ids", "result_ids"),
)


def mot_table(scores: Mapping[str, float]) -> str:
    """Lines of text: names above numbers, HOTA, CLEAR, identity and counts.

    Args:
        scores: What mot_scores returned.
    """
    parts = []
    for names in _LINES:
        rows = [[name.replace("_", " ") for name in names], [_text(scores[n]) for n in names]]
        parts.append("\n".join(aligned_lines(rows)))
    return "\n\n".join(parts)


def _text(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}"
