"""Settings: where each comes from, what is refused and how that is said."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from consumer.config.environment import env_names, explain, load_settings
from consumer.config.group import SettingsError
from consumer.config.settings import Settings
from models.catalogue import CATALOGUE_FILE


def test_every_setting_is_described_and_bounded_by_a_type() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name


def test_every_setting_is_in_one_group() -> None:
    named = [name for group in Settings.groups() for name in group.model_fields]
    assert sorted(named) == sorted(Settings.model_fields)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_can_be_set_by_its_own_variable(name: str) -> None:
    shown = {row.name: row for row in explain(Settings())}[name]
    usual = {
        "bucket": "pictures",
        "endpoint_url": "http://127.0.0.1:1",
        "account_id": "abc",
        "c2pa_tsa": "http://127.0.0.1:1",
        "webhook_secret": f"whsec_{'A' * 32}",
        "catalogue": str(CATALOGUE_FILE),
        "gpu_memory_limit_bytes": "1000000000",
        "memory_limit_bytes": "1000000000",
        "queue": "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs",
    }
    given = shown.value or usual.get(name, "something")
    settings = load_settings({f"SWAPDROP_{name.upper()}": given})
    row = {row.name: row for row in explain(settings)}[name]
    assert row.source == f"SWAPDROP_{name.upper()}"
    assert row.value in {given, "********"}


def test_an_unknown_variable_of_ours_is_an_error_that_names_the_closest_one() -> None:
    with pytest.raises(SettingsError, match=r"SWAPDROP_BUKET is not a setting.*SWAPDROP_BUCKET"):
        load_settings({"SWAPDROP_BUKET": "pictures"})


def test_others_variables_are_none_of_our_business() -> None:
    assert explain(load_settings({"PATH": "/bin", "S3_SOMETHING": "1"})) == explain(Settings())


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("R2_BUKET", "R2_BUCKET"),
        ("R2_ACCESS_KEY", "R2_ACCESS_KEY_ID"),
        ("R2_SECRET_KEY", "R2_SECRET_ACCESS_KEY"),
        ("R2_ENDPOINTURL", "R2_ENDPOINT_URL"),
    ],
)
def test_a_misspelt_variable_of_r2_is_refused_like_one_of_ours(typed: str, meant: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{typed} is not a setting; did you mean {meant}\?$"):
        load_settings({typed: "x"})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("lab\n", "begins or ends with a space or a line break"),
        (" lab", "begins or ends with a space or a line break"),
        ('"lab"', "stands in quotes"),
        ("'lab'", "stands in quotes"),
        ("la\nb", "has a line break or another control character"),
        ("la\udcffb", "bytes in it that are no text"),
    ],
)
@pytest.mark.parametrize(
    "name",
    [
        "R2_BUCKET",
        "R2_ENDPOINT_URL",
        "R2_ACCESS_KEY_ID",
        "R2_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
    ],
)
def test_what_is_copied_along_with_a_value_is_named_and_the_value_is_not(
    name: str, value: str, said: str
) -> None:
    with pytest.raises(SettingsError, match=rf"^{name}: .*{said}") as caught:
        load_settings({name: value})
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://abc.r2.cloudflarestorage.com/pictures", "https://abc.r2.cloudflarestorage.com"),
        ("https://abc.r2.cloudflarestorage.com/pictures/", "https://abc.r2.cloudflarestorage.com"),
        ("https://pictures.abc.r2.cloudflarestorage.com", "https://abc.r2.cloudflarestorage.com"),
        ("https://pictures.s3.eu-west-1.amazonaws.com", "https://s3.eu-west-1.amazonaws.com"),
        ("http://127.0.0.1:9000/", "http://127.0.0.1:9000"),
        ("http://127.0.0.1:9000/pictures", "http://127.0.0.1:9000"),
        ("http://pictures.internal:9000", "http://pictures.internal:9000"),  # a host of that name
        ("http://127.0.0.1:8788/cdn-cgi/local/r2/s3", "http://127.0.0.1:8788/cdn-cgi/local/r2/s3"),
        ("http://127.0.0.1:8788/cdn-cgi/local/r2/s3/pictures", "http://127.0.0.1:8788/cdn-cgi/local/r2/s3"),
    ],
)
def test_the_bucket_in_the_stores_address_is_taken_out(given: str, used: str) -> None:
    assert load_settings({"R2_ENDPOINT_URL": given, "R2_BUCKET": "pictures"}).s3().endpoint_url == used


@pytest.mark.parametrize("path", ["/other", "/pictures/inbox", "/a/b"])
def test_any_other_path_in_the_stores_address_is_refused(path: str) -> None:
    address = {"R2_ENDPOINT_URL": f"https://r2.example{path}", "R2_BUCKET": "pictures"}
    with pytest.raises(
        SettingsError, match=rf"^R2_ENDPOINT_URL: has the path {path}, .*https://r2\.example\.$"
    ):
        load_settings(address)


@pytest.mark.parametrize("account", ["abc", "abc.eu", "abc.fedramp"])
def test_an_account_may_name_its_jurisdiction(account: str) -> None:
    settings = load_settings({"R2_ACCOUNT_ID": account, "R2_BUCKET": "pictures"})
    assert settings.s3().endpoint_url == f"https://{account}.r2.cloudflarestorage.com"


@pytest.mark.parametrize(
    ("given", "missing"),
    [("R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"), ("R2_SECRET_ACCESS_KEY", "R2_ACCESS_KEY_ID")],
)
def test_half_a_key_is_refused(given: str, missing: str) -> None:
    settings = load_settings({given: "half", "R2_BUCKET": "pictures"})
    with pytest.raises(SettingsError, match=f"^{given} is set and {missing} is not"):
        settings.s3()


def test_our_own_name_comes_before_an_alias() -> None:
    environ = {"SWAPDROP_BUCKET": "ours", "R2_BUCKET": "alias"}
    assert load_settings(environ).bucket == "ours"
    assert load_settings({**environ, "SWAPDROP_BUCKET": ""}).bucket == "alias"


def test_an_empty_variable_means_the_default() -> None:
    settings = load_settings({"SWAPDROP_HEALTH_PORT": "", "R2_BUCKET": ""})
    assert settings.health_port == 8080
    assert {row.source for row in explain(settings)} == {"default"}


def test_an_account_gives_the_address_unless_one_is_set() -> None:
    account = {"R2_ACCOUNT_ID": "abc123", "R2_BUCKET": "pictures"}
    assert load_settings(account).s3().endpoint_url == "https://abc123.r2.cloudflarestorage.com"
    both = {**account, "R2_ENDPOINT_URL": "http://127.0.0.1:9000"}
    assert load_settings(both).s3().endpoint_url == "http://127.0.0.1:9000"


def test_secrets_are_masked_wherever_settings_are_shown() -> None:
    keys = {"R2_ACCESS_KEY_ID": "key", "R2_SECRET_ACCESS_KEY": "hush-hush"}
    settings = load_settings({**keys, "R2_BUCKET": "pictures"})
    assert "hush-hush" not in repr(settings) + repr(explain(settings)) + settings.model_dump_json()
    assert "hush-hush" not in repr(settings.s3())
    assert settings.s3().secret_access_key == "hush-hush"  # noqa: S105 -- it is none


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "SWAPDROP_ENGINE",
            "inswaper",
            "SWAPDROP_ENGINE: must be one of auto, mesh, inswapper, inswapper_128",
        ),
        ("SWAPDROP_ENGINE", "gfpgan_1.4", "SWAPDROP_ENGINE: must be one of auto"),  # no swapper
        ("SWAPDROP_PROVIDER", "rocm", "SWAPDROP_PROVIDER: must be one of cpu, cuda, tensorrt, coreml"),
        (
            "SWAPDROP_CATALOGUE",
            "/not/there.toml",
            "The catalogue /not/there.toml cannot be used: .*No such file",
        ),
        ("SWAPDROP_HEALTH_PORT", "70000", "SWAPDROP_HEALTH_PORT: .*65535"),
        ("SWAPDROP_MAX_ATTEMPTS", "many", "SWAPDROP_MAX_ATTEMPTS: .*integer"),
        ("SWAPDROP_POLL_MIN_S", "60", "SWAPDROP_POLL_MIN_S must not be more than SWAPDROP_POLL_MAX_S"),
        ("R2_ENDPOINT_URL", "r2.example", "R2_ENDPOINT_URL: must begin with https://"),
        ("R2_ENDPOINT_URL", "http://[::1", "R2_ENDPOINT_URL: must be an address"),
        ("R2_ENDPOINT_URL", "https://me:hush@r2.example", "R2_ENDPOINT_URL: must hold no user"),
        ("R2_ENDPOINT_URL", "https://r2.example?x=1", "R2_ENDPOINT_URL: must end with the host"),
        ("R2_ENDPOINT_URL", "https://pub-1.r2.dev", "R2_ENDPOINT_URL: is where a bucket is read in public"),
        ("R2_BUCKET", "my bucket", "R2_BUCKET: must be a bucket's name"),
        ("R2_ACCOUNT_ID", "abc.us", "R2_ACCOUNT_ID: must be the account's id"),
        ("AWS_REGION", "Frankfurt am Main", "AWS_REGION: must be the name of a region"),
        ("R2_SECRET_ACCESS_KEY", "two words", "R2_SECRET_ACCESS_KEY: must be one word"),
        ("R2_ACCESS_KEY_ID", "schlüssel", "R2_ACCESS_KEY_ID: must be one word"),
    ],
)
def test_a_value_out_of_bounds_names_its_variable(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load_settings({name: value})


def test_a_label_that_cannot_be_painted_is_refused_at_the_start() -> None:
    label = {"SWAPDROP_LABEL": "top-left"}
    with pytest.raises(SettingsError, match=r"^SWAPDROP_LABEL_TEXT: the label's font has no 한; it has"):
        load_settings({**label, "SWAPDROP_LABEL_TEXT": "한"})
    with pytest.raises(SettingsError, match=r"^SWAPDROP_LABEL_SIZE: at 0.2 of .* make it smaller\.$"):
        load_settings({**label, "SWAPDROP_LABEL_SIZE": "0.2"})
    assert load_settings({"SWAPDROP_LABEL_TEXT": "한"}).painted_label() is None


def test_the_mesh_engine_on_a_gpu_is_a_contradiction_that_is_named() -> None:
    with pytest.raises(SettingsError, match=r"CPU only; set SWAPDROP_PROVIDER=cpu\.$"):
        load_settings({"SWAPDROP_ENGINE": "mesh", "SWAPDROP_PROVIDER": "cuda"})


def test_an_engine_of_the_operators_own_catalogue_may_be_asked_for(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        """
        [files."mine.onnx"]
        licence = "apache-2"
        versions = [{ revision = "1" }]
        [engines.mine]
        kind = "swapper"
        files = { swapper = "mine.onnx", detector = "det_10g.onnx", recogniser = "w600k_r50.onnx" }
        input_size = 128
        template = "arcface_128"
        embedding = "unit"
        """
    )
    assert load_settings({"SWAPDROP_CATALOGUE": str(own), "SWAPDROP_ENGINE": "mine"}).engine == "mine"
    with pytest.raises(SettingsError, match="SWAPDROP_ENGINE"):
        load_settings({"SWAPDROP_ENGINE": "mine"})


def test_the_swapper_of_ones_own_in_the_docs_is_a_catalogue(tmp_path: Path) -> None:
    docs = Path(__file__).parents[3] / "docs" / "models.md"
    (example,) = re.findall(r"```toml\n(.*?)```", docs.read_text(), re.DOTALL)
    own = tmp_path / "own.toml"
    own.write_text(example.replace("…", "0" * 64))
    assert load_settings({"SWAPDROP_CATALOGUE": str(own), "SWAPDROP_ENGINE": "ours_256"}).engine == "ours_256"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[engine.mine]", "it has engine; known are"),
        ("[files.x]\nlicence = 'mine'", "mine is not in the catalogue"),
        ("[engines.x]\nkind = 'swapper'", "without 'files'"),
        ("not toml", "own.toml cannot be used"),
    ],
)
def test_a_catalogue_that_cannot_be_used_is_named_with_the_reason(
    text: str, said: str, tmp_path: Path
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text)
    with pytest.raises(SettingsError, match=said):
        load_settings({"SWAPDROP_CATALOGUE": str(own)})


def test_a_wrong_secret_is_not_repeated_in_the_error() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"SWAPDROP_ACCOUNT_ID": "not/an/account"})
    assert "not/an/account" not in str(caught.value)


def test_a_missing_bucket_says_which_variable_to_set() -> None:
    with pytest.raises(SettingsError, match="SWAPDROP_BUCKET or R2_BUCKET"):
        Settings().s3()


def test_settings_made_by_hand_read_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("R2_BUCKET", "pictures")
    assert Settings().bucket is None
    assert load_settings().bucket == "pictures"
    with pytest.raises(ValidationError):
        Settings.model_validate({"bukcet": "pictures"})


@pytest.mark.parametrize("ttl_s", [1, 2, 10, 90, 3600])
def test_every_allowed_lease_time_leaves_room_for_heartbeats(ttl_s: float) -> None:
    policy = Settings(lease_ttl_s=ttl_s).lease_policy()
    assert policy.beat_every_s < policy.trusted_for_s < policy.ttl_s


def test_names_are_not_shared_between_settings() -> None:
    names = [name for field in Settings.model_fields for name in env_names(field)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "address",
    [
        "jobs",
        "http://sqs.eu-west-1.amazonaws.com/1/jobs",
        "https://sqs.eu-west-1.amazonaws.com",
        "cloudflare:account",
        "redis://127.0.0.1/0",
    ],
)
def test_what_names_no_queue_or_sends_keys_in_the_clear_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="SWAPDROP_QUEUE: must be the URL of an SQS queue"):
        load_settings({"SWAPDROP_QUEUE": address})


def test_a_cloudflare_queue_without_a_token_is_refused_and_its_token_is_never_shown() -> None:
    queue = {"SWAPDROP_QUEUE": "cloudflare:0123abc/4567def"}
    with pytest.raises(SettingsError, match="set SWAPDROP_QUEUE_TOKEN"):
        load_settings(queue)
    settings = load_settings({**queue, "CLOUDFLARE_API_TOKEN": "very-secret"})
    assert settings.queue_address is not None
    assert settings.queue_address.url == (
        "https://api.cloudflare.com/client/v4/accounts/0123abc/queues/4567def"
    )
    assert "very-secret" not in repr(settings) + repr(explain(settings))
