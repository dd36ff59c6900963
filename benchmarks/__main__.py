"""`make bench`: every benchmark, one table; peers' own libraries run beside ours in the same run, so that the ratios hold.

Each module has `table()`, which returns rows of {what, ours, peer, peer_name, ratio, unit, required}. Name modules to run some.
"""

import argparse
import sys
from importlib import import_module

from rich.console import Console
from rich.table import Table

MODULES = ("fit", "apple", "pipeline", "store", "rules", "evaluate", "publish")


def _number(value: object) -> str:
    if not isinstance(value, int | float):
        return "" if value is None else str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def main() -> None:
    """Run the benchmarks and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("module", nargs="*", choices=[*MODULES, []], help="default: all of them")
    wanted = parser.parse_args().module or MODULES
    table = Table(box=None, header_style="bold")
    for column in ("what", "ours", "unit", "required", "peer", "", "ratio"):
        table.add_column(column, justify="right" if column in ("ours", "peer", "ratio") else "left")
    for name in wanted:
        print(f"{name} ...", file=sys.stderr)
        for row in import_module(f"benchmarks.{name}").table():
            ratio = "" if row["ratio"] is None else f"{_number(row['ratio'])}x"
            cells = (row["what"], _number(row["ours"]), row["unit"], row["required"], _number(row["peer"]), row["peer_name"])
            table.add_row(*map(str, cells), ratio)
    Console(width=180).print(table)


if __name__ == "__main__":
    main()
