"""Where jobs, inputs and results lie."""

from typing import ClassVar, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from consumer.config.group import SettingsError, SettingsGroup
from consumer.config.store_address import read_store_address
from storage.stores.s3_settings import ANY_REGION, S3Settings


class StoreSettings(SettingsGroup):
    """The bucket, and how it is reached."""

    title: ClassVar = "Bucket"

    bucket: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{3,255}$",
        description="bucket with the inbox and the results",
    )
    endpoint_url: str | None = Field(
        default=None,
        description="address of the S3-compatible store; not needed for AWS or with R2_ACCOUNT_ID",
    )
    account_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9]+(\.(eu|fedramp))?$",
        description="Cloudflare account, with .eu or .fedramp for a jurisdiction; gives the R2 address where "
        "endpoint_url is not set",
    )
    access_key_id: str | None = Field(
        default=None,
        description="access key of the store; if not set, the SDK looks for AWS_*, a profile or a role",
    )
    secret_access_key: SecretStr | None = Field(
        default=None,
        description="secret of the access key",
    )
    addressing: Literal["auto", "path", "virtual"] = Field(
        default="auto", description="where the bucket's name stands in a request: path or host name"
    )
    region: str = Field(
        default=ANY_REGION,
        pattern=r"^[A-Za-z0-9-]+$",
        description="region of the store; auto for R2, and for AWS that of the SDK's own files",
    )

    @field_validator("endpoint_url")
    @classmethod
    def _leads_to_the_store(cls, value: str | None, info: ValidationInfo) -> str | None:
        return read_store_address(value, info.data.get("bucket")) if value is not None else None

    @field_validator("access_key_id", "secret_access_key")
    @classmethod
    def _has_no_gaps(cls, value: str | SecretStr | None) -> str | SecretStr | None:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value or ""
        if not (text.isascii() and (text == "" or text.isprintable()) and " " not in text):
            raise ValueError("must be one word of letters, digits and signs, without spaces")
        return value

    @property
    def store_address(self) -> str | None:
        """The store's address, by R2 account where only that is given; None means AWS's own."""
        if self.endpoint_url is None and self.account_id is not None:
            return f"https://{self.account_id}.r2.cloudflarestorage.com"
        return self.endpoint_url

    def s3(self) -> S3Settings:
        """How to reach the bucket; raises SettingsError when none is set, or only half of a key."""
        if self.bucket is None:
            raise SettingsError("No bucket is set; set SWAPDROP_BUCKET or R2_BUCKET.")
        secret = self.secret_access_key
        if (self.access_key_id is None) != (secret is None):
            there, missing = "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"
            if secret is not None:
                there, missing = missing, there
            raise SettingsError(f"{there} is set and {missing} is not; set both, or none for the SDK's own.")
        return S3Settings(
            bucket=self.bucket,
            endpoint_url=self.store_address,
            access_key_id=self.access_key_id,
            secret_access_key=secret.get_secret_value() if secret else None,
            region=self.region,
            addressing=self.addressing,
        )
