"""Stands in for wrangler and npm: notes each call, and remembers what was made as an account would.

Its folder holds `calls` (each a JSON list), `account` (what there is, a line each) and `secrets` (what came
in). It runs by itself, so it imports nothing of ours.
"""

import json
import re
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
ACCOUNT = FOLDER / "account"

#: What succeeds where something is there.
LOOKS = {
    r"whoami --json": "signed in",
    r"r2 bucket info (\S+) --json": "bucket {0}",
    r"r2 bucket lifecycle set (\S+) --file ../cloudflare/lifecycle\.json --force": "bucket {0}",
    r"queues info (\S+)": "queue {0}",
    r"deploy --env (\S+)": "signed in",
    r"run build": "signed in",
}
#: What makes something that must not be there yet.
MAKES = {
    r"r2 bucket create (\S+)": "bucket {0}",
    r"queues create (\S+)": "queue {0}",
    r"queues consumer http add (\S+) --dead-letter-queue \S+ --message-retries \d+": "pull {0} all",
    r"r2 bucket notification create (\S+) --event-type \S+ --prefix \S+ --queue (\S+)": "rule {0} {1}",
}
#: What prints a line for each thing whose name begins so, and fails where there is none.
LISTS = {
    r"queues consumer list (\S+) --json": ("pull {0} ", '{{"type": "http_pull"}}'),
    r"r2 bucket notification list (\S+)": ("rule {0} ", "queue_name:  {0}\nprefix:      inbox/"),
    r"secret list --env (\S+) --format json": ("secret {0} ", '{{"name": "{0}", "type": "secret_text"}}'),
}
BULK = r"secret bulk --env (\S+)"


def things() -> list[str]:
    """What there is."""
    return ACCOUNT.read_text().splitlines()


def make(thing: str) -> bool:
    """Make something; says whether it was not there yet."""
    if thing in things():
        return False
    ACCOUNT.write_text(ACCOUNT.read_text() + f"{thing}\n")
    return True


def answer(call: str) -> bool:
    """Do what a call asks for; says whether that went well."""
    for pattern, thing in LOOKS.items():
        if found := re.fullmatch(pattern, call):
            return thing.format(*found.groups()) in things()
    for pattern, thing in MAKES.items():
        if found := re.fullmatch(pattern, call):
            return make(thing.format(*found.groups()))
    for pattern, (prefix, line) in LISTS.items():
        if found := re.fullmatch(pattern, call):
            own = [thing for thing in things() if thing.startswith(prefix.format(*found.groups()))]
            sys.stdout.writelines(line.format(thing.split()[-1]) + "\n" for thing in own)
            return bool(own)
    if found := re.fullmatch(BULK, call):
        (FOLDER / "secrets").write_text(given := sys.stdin.read())
        new = [make(f"secret {found[1]} {line.partition('=')[0]}") for line in given.splitlines()]
        return all(new)
    sys.stderr.write(f"not known here: {call}\n")
    return False


if __name__ == "__main__":
    with (FOLDER / "calls").open("a") as calls:
        calls.write(json.dumps([Path(sys.argv[0]).name, *sys.argv[1:]]) + "\n")
    sys.exit(not answer(" ".join(sys.argv[1:])))
