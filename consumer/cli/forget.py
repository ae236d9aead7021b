"""`swapdrop forget`: removing a job, or a file and what was made of it, for good."""

import typer

from consumer.cli.bucket import with_bucket
from storage.stores.port import ObjectStore
from storage.upkeep.forget import Forgetting, forget, look_up_file, look_up_job


def forget_all_of(name: str, *, do_it: bool) -> int:
    """Remove what there is of a job or file; without `do_it` only says how much that is."""

    async def work(store: ObjectStore) -> Forgetting:
        # A file's id has an extension, a job's never has a dot.
        look_up = look_up_file if "." in name or "/" in name else look_up_job
        what = await look_up(store, name)
        if do_it:
            await forget(store, what)
        return what

    what = with_bucket(work)
    jobs = ", ".join(what.jobs) or "no job"
    if do_it:
        typer.echo(f"Forgotten: {what.id}, with the files and results of {jobs}.")
    else:
        typer.echo("\n".join(what.gone))
        typer.echo(f"These would go, as far as they are there, and the record of {jobs}; add --yes.")
    if what.made_of:
        typer.echo(f"Results of {', '.join(what.made_of)} were used, and stay: forget them too.", err=True)
    if what.unknown:
        fields = ", ".join(f"`{field}`" for field in what.unknown)
        typer.echo(f"What {fields} named was not kept; forget uploads among that by their names.", err=True)
    return 0
