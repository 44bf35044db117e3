"""`fluximage clear`: deletes the data directory of a finished trial."""

from pathlib import Path

import click

from infra.commands.options import data_dir_option
from infra.embedded.clearing import clear, size_bytes


@click.command("clear")
@data_dir_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(data_dir: Path, yes: bool) -> None:
    """Delete the data of a finished trial: accounts, keys, images and logs.

    Only what `fluximage up` has created in --data-dir is deleted; it must not run.
    """
    size = size_bytes(data_dir)
    if not yes:
        click.confirm(
            f"Delete all data of fluximage in {data_dir.absolute()} ({size / 1e6:.0f} MB:"
            " accounts, keys, images, logs)?",
            abort=True,
        )
    left = clear(data_dir)
    print(f"Deleted: {data_dir.absolute()}")
    if left:
        print(f"These are not fluximage's and stay there: {', '.join(left)}")
