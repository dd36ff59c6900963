"""The public samples and reference outputs that stand beside the project, where they do."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "shared"


def shared(relative: str) -> Path:
    """Return the file or folder, or skip the test and say why."""
    path = ROOT / relative
    if not path.exists():
        pytest.skip(f"needs {relative} of the shared folder beside the project, which is not there")
    return path
