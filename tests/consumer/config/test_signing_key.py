"""How the key that signs results is named: a file, or a key in AWS KMS in one of the ways KMS knows it by."""

from pathlib import Path

import pytest

from consumer.config.environment import load_settings
from consumer.config.group import SettingsError
from consumer.config.signing_key import KmsAddress, parse_signing_key

ARN = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize(
    ("text", "key_id", "region"),
    [
        ("awskms:///1234abcd-12ab-34cd-56ef-1234567890ab", "1234abcd-12ab-34cd-56ef-1234567890ab", None),
        ("awskms:///alias/marks", "alias/marks", None),
        (f"awskms:///{ARN}", ARN, "eu-west-1"),
        (
            "awskms:///arn:aws-us-gov:kms:us-gov-west-1:123456789012:alias/marks",
            "arn:aws-us-gov:kms:us-gov-west-1:123456789012:alias/marks",
            "us-gov-west-1",
        ),
    ],
)
def test_a_key_in_kms_has_a_name_and_perhaps_a_region(text: str, key_id: str, region: str | None) -> None:
    assert parse_signing_key(text) == KmsAddress(key_id=key_id, region=region)


def test_anything_else_is_a_file() -> None:
    assert parse_signing_key("keys/awskms.pem") == Path("keys/awskms.pem")


@pytest.mark.parametrize("text", ["awskms:", "awskms://alias/x", "awskms:///", "awskms:///arn:aws:s3:::x"])
def test_a_slip_in_the_name_ends_the_start_with_how_it_is_written(text: str) -> None:
    with pytest.raises(SettingsError, match=r"SWAPDROP_C2PA_KEY.*awskms:///alias/<name>"):
        load_settings({"SWAPDROP_C2PA_KEY": text})
