"""What is said in several places of the deployment is the same everywhere."""

import json
import re

import pytest

from consumer.config.settings import Settings
from infra.local.programs import ROOT, WORKER
from storage import keys
from tests.support.jsonc import read_jsonc

CONFIG = read_jsonc(WORKER / "wrangler.jsonc")
RULES = json.loads((ROOT / "infra" / "cloudflare" / "lifecycle.json").read_text())["rules"]
_DAY_S = 86_400


def days(prefix: str) -> float:
    (rule,) = [rule for rule in RULES if rule["conditions"]["prefix"] == prefix]
    age: int = rule["deleteObjectsTransition"]["condition"]["maxAge"]
    return age / _DAY_S


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_the_page_tells_the_days_after_which_the_rules_delete(environment: str) -> None:
    told = CONFIG["env"][environment]["vars"]
    assert int(told["UPLOAD_DAYS"]) == days(keys.UPLOADS)
    assert int(told["RESULT_DAYS"]) == days(keys.RESULTS)


def test_nothing_that_was_announced_or_given_up_is_ever_deleted() -> None:
    kept = (keys.INBOX, keys.DEAD_LETTER)
    prefixes = [rule["conditions"]["prefix"] for rule in RULES]
    assert not [
        prefix for prefix in prefixes for each in kept if each.startswith(prefix) or prefix.startswith(each)
    ]


def test_a_record_outlives_its_result() -> None:
    assert days(keys.STATUS) > days(keys.RESULTS) >= days(keys.UPLOADS)


def test_what_the_docs_tell_of_how_long_things_are_kept_is_what_the_rules_do() -> None:
    text = (ROOT / "docs" / "responsible-use.md").read_text()
    rows = re.findall(r"^\| `([a-z]+/)` \| (\d+) \|$", text, re.MULTILINE)
    assert {prefix: int(number) for prefix, number in rows} == {
        prefix: days(prefix)
        for prefix in (
            keys.UPLOADS,
            keys.RESULTS,
            keys.ARCHIVE,
            keys.SCRATCH,
            keys.STATUS,
            keys.AUDIT,
            keys.FORGOTTEN,
        )
    }


def test_people_who_want_to_be_left_out_are_never_forgotten_by_a_rule() -> None:
    assert not [rule for rule in RULES if keys.DENYLIST.startswith(rule["conditions"]["prefix"])]


def test_every_rule_is_in_force_and_has_a_name_of_its_own() -> None:
    assert all(rule["enabled"] for rule in RULES)
    assert len({rule["id"] for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("environment", [None, "staging", "production"])
def test_the_worker_takes_what_a_consumer_takes_by_default(environment: str | None) -> None:
    told = (CONFIG if environment is None else CONFIG["env"][environment])["vars"]
    settings = Settings()
    assert int(told["MAX_UPLOAD_BYTES"]) == settings.max_input_bytes
    assert int(told["MAX_VIDEO_BYTES"]) == settings.max_video_bytes


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_each_environment_has_all_that_the_local_one_has(environment: str) -> None:
    own = CONFIG["env"][environment]
    for kind, name in (("r2_buckets", "binding"), ("ratelimits", "name")):
        assert [each[name] for each in own[kind]] == [each[name] for each in CONFIG[kind]]
    assert own["vars"].keys() == CONFIG["vars"].keys()


def test_environments_share_neither_a_bucket_nor_a_rate_limit() -> None:
    everywhere = [CONFIG["env"]["staging"], CONFIG["env"]["production"]]
    for kind, name in (("r2_buckets", "bucket_name"), ("ratelimits", "namespace_id")):
        values = [each[name] for environment in everywhere for each in environment[kind]]
        assert len(set(values)) == len(values)
