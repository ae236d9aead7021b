"""`swapdrop config` as people read it: what can be set, by which variable, and what it means."""

import json

from consumer.config.settings import Settings
from tests.support.command import swapdrop


def test_every_setting_names_its_variables_and_its_meaning() -> None:
    done = swapdrop("config", "--json", environment={"R2_BUCKET": "pictures", "R2_SECRET_ACCESS_KEY": "hush"})
    rows = json.loads(done.stdout)
    assert rows.keys() == Settings.model_fields.keys()
    assert rows["bucket"] == {
        "variable": "SWAPDROP_BUCKET",
        "other_variables": ["R2_BUCKET", "R2_BUCKET_NAME", "AWS_BUCKET", "S3_BUCKET"],
        "value": "pictures",
        "source": "R2_BUCKET",
        "meaning": Settings.model_fields["bucket"].description,
    }
    assert rows["secret_access_key"]["value"] == "********"
    assert {name: row["variable"] for name, row in rows.items()} == {
        name: f"SWAPDROP_{name.upper()}" for name in rows
    }


def test_the_page_names_the_variables_too() -> None:
    done = swapdrop("config", environment={"COLUMNS": "200"})
    for name in Settings.model_fields:
        assert f"SWAPDROP_{name.upper()} " in done.stdout
    assert "or R2_SECRET_ACCESS_KEY" in done.stdout
    titles = [group.title for group in Settings.groups()]
    assert [line.strip() for line in done.stdout.splitlines() if line.strip() in titles] == titles
