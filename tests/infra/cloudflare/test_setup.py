"""The set-up script makes everything once, and asks wrangler for nothing that wrangler does not know."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import pytest

from infra.local.programs import MODULES, ROOT
from tests.support import cloudflare_account
from tests.support.jsonc import read_jsonc
from tests.support.local_stack import needs_node_modules

TOKEN = "not-for-everybody-to-see"  # noqa: S105 - of an account that lives for seconds
_CHANGES = re.compile(r"\b(create|add|bulk)\b")


@dataclass(frozen=True, kw_only=True)
class Account:
    """A copy of the script beside stand-ins for wrangler and npm, which keep their account in `bin`."""

    bin: Path
    script: Path

    def setup(self, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Run the script with these words and variables."""
        own = {name: value for name, value in os.environ.items() if name != "API_TOKEN"}
        return subprocess.run(
            [self.script, *words], env=own | environ, capture_output=True, text=True, check=False, timeout=60
        )

    def calls(self) -> list[list[str]]:
        """What has been called since the last look."""
        (found := self.bin / "calls").touch()
        lines = [json.loads(line) for line in found.read_text().splitlines()]
        found.unlink()
        return lines


@pytest.fixture
def account(tmp_path: Path) -> Account:
    folder = tmp_path / "infra"
    shutil.copytree(ROOT / "infra" / "cloudflare", folder / "cloudflare")
    (tools := folder / "worker" / "node_modules" / ".bin").mkdir(parents=True)
    (tools / "account").write_text("signed in\n")
    source = Path(cloudflare_account.__file__).read_text()
    for name in ("wrangler", "npm"):
        (tool := tools / name).write_text(f"#!{sys.executable} -IS\n{source}")
        tool.chmod(0o755)
    return Account(bin=tools, script=folder / "cloudflare" / "setup.sh")


def changes(calls: list[list[str]]) -> list[list[str]]:
    return [call for call in calls if _CHANGES.search(" ".join(call))]


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_the_first_run_makes_everything_and_the_second_nothing(account: Account, environment: str) -> None:
    first = account.setup("--env", environment, API_TOKEN=TOKEN)
    assert first.returncode == 0, first.stderr
    made = changes(account.calls())
    config = read_jsonc(ROOT / "infra" / "worker" / "wrangler.jsonc")["env"][environment]
    bucket = config["r2_buckets"][0]["bucket_name"]
    assert set((account.bin / "account").read_text().splitlines()) == {
        "signed in",
        f"bucket {bucket}",
        f"queue {bucket}-jobs",
        f"queue {bucket}-jobs-dead",
        f"pull {bucket}-jobs all",
        f"rule {bucket} {bucket}-jobs",
        f"secret {environment} SESSION_KEY",
        f"secret {environment} API_TOKEN",
    }
    assert len(made) == 6
    second = account.setup("--env", environment, API_TOKEN=TOKEN)
    assert second.returncode == 0, second.stderr
    assert changes(again := account.calls()) == []
    assert ["wrangler", "deploy", "--env", environment] in again


def test_only_what_is_put_into_the_inbox_is_announced(account: Account) -> None:
    account.setup()
    (rule,) = [call for call in account.calls() if "notification" in call and "create" in call]
    assert rule[rule.index("--event-type") + 1] == "object-create"
    assert rule[rule.index("--prefix") + 1] == "inbox/"


def test_secrets_are_told_to_wrangler_alone(account: Account) -> None:
    done = account.setup(API_TOKEN=TOKEN)
    secrets = dict(line.split("=", 1) for line in (account.bin / "secrets").read_text().splitlines())
    assert secrets["API_TOKEN"] == TOKEN
    assert len(secrets["SESSION_KEY"]) == 44
    for told in (done.stdout, done.stderr, json.dumps(account.calls())):
        assert not [secret for secret in secrets.values() if secret in told]


def test_without_a_token_it_says_that_the_service_is_open(account: Account) -> None:
    assert "whoever knows the address may use the service" in account.setup().stdout
    assert "API_TOKEN" not in (account.bin / "secrets").read_text()


def test_a_dry_run_prints_each_change_and_asks_nothing(account: Account) -> None:
    (account.bin / "account").write_text("")
    done = account.setup("--env", "staging", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert account.calls() == []
    (account.bin / "account").write_text("signed in\n")
    account.setup("--env", "staging")
    printed = [line.removeprefix("+ ") for line in done.stdout.splitlines() if line.startswith("+ ")]
    looks = ("whoami", "info", "list")
    assert printed == [" ".join(call) for call in account.calls() if not set(looks) & set(call)]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--env", "home"], "There is no environment 'home'"),
        (["--env"], "--env needs a name"),
        (["--force"], "Unknown: --force"),
    ],
)
def test_what_it_does_not_understand_changes_nothing(
    account: Account, words: list[str], sentence: str
) -> None:
    done = account.setup(*words)
    assert done.returncode != 0
    assert sentence in done.stderr
    assert account.calls() == []


def test_without_a_sign_in_it_says_how_to_and_stops(account: Account) -> None:
    (account.bin / "account").write_text("")
    done = account.setup()
    assert done.returncode != 0
    assert "wrangler login" in done.stderr
    assert changes(account.calls()) == []


def test_without_the_packages_it_says_how_to_install_them(account: Account) -> None:
    shutil.rmtree(account.bin)
    done = account.setup(PATH="/usr/bin:/bin")
    assert done.returncode != 0
    assert "make web-install" in done.stderr


@pytest.mark.parametrize("token", ["too-short", 'has a space or "quotes" in it'])
def test_a_token_that_is_weak_or_no_header_could_carry_is_refused(account: Account, token: str) -> None:
    done = account.setup(API_TOKEN=token)
    assert done.returncode != 0
    assert "openssl rand" in done.stderr
    assert changes(account.calls()) == []


def test_a_step_that_fails_ends_it(account: Account) -> None:
    text = (account.bin / "wrangler").read_text()
    (account.bin / "wrangler").write_text(text.replace('r"queues create (', 'r"queues create never ('))
    done = account.setup()
    assert done.returncode != 0
    assert not [call for call in account.calls() if "deploy" in call]


@pytest.mark.timeout(300)  # a dozen starts of a large program
def test_the_real_wrangler_knows_every_command_and_option(account: Account) -> None:
    needs_node_modules()
    account.setup(API_TOKEN=TOKEN)
    options: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for tool, *words in account.calls():
        if tool == "wrangler":
            options[command(words)] |= {word for word in words if word.startswith("--")}
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for (known, asked), told in zip(options.items(), threads.map(help_of, options), strict=True):
            assert told.startswith(f"wrangler {' '.join(known)}")
            assert not [option for option in asked if not re.search(rf"{option}\b", told)]


def command(words: list[str]) -> tuple[str, ...]:
    """The words before the first option or name of ours."""
    return tuple(takewhile(lambda word: not word.startswith(("-", "swapdrop")), words))


def help_of(words: tuple[str, ...]) -> str:
    """What the pinned wrangler says of one of its commands."""
    environ = os.environ | {"CI": "1", "WRANGLER_SEND_METRICS": "false"}
    node, wrangler = MODULES / "node" / "bin" / "node", MODULES / "wrangler" / "bin" / "wrangler.js"
    told = subprocess.run(
        [node, wrangler, *words, "--help"], env=environ, capture_output=True, text=True, check=True
    )
    return told.stdout
