import subprocess
import sys

import pytest

from track_anything.tracking.kept_memory import ENVIRONMENT

PAGES_GOT = """
import resource, sys
import numpy as np
from track_anything.tracking.kept_memory import keep_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def frame():
    masks = [np.ones((720, 1280), np.bool_) for _ in range(20)]

keeps = "keeps" in sys.argv and keep_memory()
for _ in range(5):
    frame()
before = faults()
for _ in range(5):
    frame()
print(keeps, faults() - before)
"""


def pages_got(*arguments: str) -> tuple[str, int]:
    """What keep_memory said, and the pages that five frames of 20 masks of 225 pages took."""
    run = [sys.executable, "-c", PAGES_GOT, *arguments]
    keeps, count = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
    return keeps, int(count)


@pytest.mark.skipif(sys.platform != "linux", reason="of the GNU C library alone")
def test_memory_of_one_frame_serves_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    keeps, count = pages_got("keeps")
    if keeps == "False":
        pytest.skip("another C library")
    assert count < 500
    assert pages_got()[1] > 2000


@pytest.mark.skipif(sys.platform != "linux", reason="of the GNU C library alone")
def test_what_the_environment_says_counts_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    assert pages_got("keeps")[0] == "False"
