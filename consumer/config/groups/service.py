"""How a consumer is watched, and whom it calls."""

from typing import ClassVar, Literal

from pydantic import Field, SecretStr, field_validator

from consumer.config.group import SettingsGroup
from consumer.webhooks.signing import read_secret


class ServiceSettings(SettingsGroup):
    """Health, logs, traces and calls."""

    title: ClassVar = "Health, logs, calls"

    webhook_secret: SecretStr | None = Field(
        default=None,
        description="signs the calls to callback_url: whsec_ and base64; without it nobody is called",
    )
    traces: Literal["off", "otlp"] = Field(
        default="off",
        description="otlp sends traces where the OTEL_EXPORTER_OTLP_ variables say; needs the extra otel",
    )
    health_host: str = Field(default="127.0.0.1", description="address of the health endpoints")
    health_port: int = Field(
        default=8080, ge=0, le=65_535, description="port of the health endpoints; 0 takes a free one"
    )
    log_format: Literal["auto", "json", "pretty"] = Field(
        default="auto", description="auto is pretty on a terminal and json elsewhere"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least important events to log"
    )

    @field_validator("webhook_secret")
    @classmethod
    def _signs(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            read_secret(value.get_secret_value())
        return value
