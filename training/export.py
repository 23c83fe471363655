"""The weights of a run as the package reads them, and their SHA-256.

    python -m training.export RUN/last.pt -o track_anything/segmenters/compact/compact.safetensors

The average of the weights is what is kept. The SHA-256 that is printed belongs into
track_anything/segmenters/compact/weights.py.
"""

import argparse
from pathlib import Path

import torch

from track_anything.segmenters.compact.weights import save_network


def export(run: Path, path: Path) -> str:
    """Write the averaged weights of a run's last.pt; the SHA-256 of the file.

    Raises:
        OutputError: If the file cannot be written.
    """
    state = torch.load(run, map_location="cpu", weights_only=True)
    return save_network(state["average"], path)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="last.pt of a run")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--overwrite", action="store_true")
    given = parser.parse_args()
    if given.output.exists() and not given.overwrite:
        parser.error(f"{given.output} is there already; give --overwrite to replace it")
    checksum = export(given.run, given.output)
    print(f'SHA256 = "{checksum}"  # {given.output.stat().st_size} bytes')


if __name__ == "__main__":
    main()
