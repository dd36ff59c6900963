"""Text exports behind limits: JSON records, CSV tables, and their times and numbers as numpy columns."""
