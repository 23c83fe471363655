"""Where to look in a run: doubtful moments, found without the model, as a page and a table."""

from track_anything.review.doubts import Cause
from track_anything.review.moments import Moment, Reason
from track_anything.review.report import ReviewSummary, review_run
from track_anything.review.survey import Survey, survey_results

__all__ = ["Cause", "Moment", "Reason", "ReviewSummary", "Survey", "review_run", "survey_results"]
