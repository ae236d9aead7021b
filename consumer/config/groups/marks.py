"""What tells of a result that it is altered, and by whom."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from consumer.config.group import SettingsGroup
from consumer.config.signing_key import KmsAddress, parse_signing_key
from pipeline.label.words import Language

if TYPE_CHECKING:
    from pipeline.label.label import Label


class MarkSettings(SettingsGroup):
    """Marks, label, watermark, signature and the audit log."""

    title: ClassVar = "Marks, signatures, audit"

    operator: str = Field(
        default="swapdrop",
        min_length=1,
        pattern=r"^[\x20-\x7e]+$",
        description="who runs this service, as the mark in every result says",
    )
    audit: bool = Field(
        default=False,
        description="write a line for each job that ended below audit/: hashes and decisions, no media",
    )
    label: Literal["off", "top-left", "top-right", "bottom-left", "bottom-right"] = Field(
        default="off", description="corner of every result in which it visibly says that it is altered"
    )
    label_text: str | None = Field(
        default=None,
        min_length=1,
        description="what it says there; if not set, a few words in label_language",
    )
    label_language: Language = Field(default="en", description="language of the words in the corner")
    label_size: float = Field(
        default=0.05,
        ge=0.02,
        le=0.2,
        description="how high their capitals are, as a share of a result's shorter side",
    )
    watermark: Literal["auto", "off", "on"] = Field(
        default="auto",
        description="whether an id is hidden in the pixels of results; auto does so where "
        "rivagan_encoder.onnx is, and else is off",
    )
    c2pa_chain: Path | None = Field(
        default=None, description="certificates that results are signed with, in PEM, the signer's own first"
    )
    c2pa_key: str | None = Field(
        default=None,
        description="private key of the first of them: a file in PEM, or in AWS KMS, "
        "awskms:///<id, alias or ARN>",
    )
    c2pa_tsa: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="who stamps the time of signatures (RFC 3161); without one they end with the certificate",
    )
    c2pa_trust: Path | None = Field(
        default=None, description="roots by which signers of other files are trusted, in PEM"
    )

    @field_validator("c2pa_key")
    @classmethod
    def _names_a_key(cls, value: str | None) -> str | None:
        if value is not None:
            parse_signing_key(value)
        return value

    @model_validator(mode="after")
    def _label_can_be_painted(self) -> Self:
        try:
            self.painted_label()
        except ValueError as error:
            wrong = "SIZE" if self.label_text is None else "TEXT"
            raise ValueError(f"SWAPDROP_LABEL_{wrong}: {error}") from error
        return self

    @property
    def signing_key(self) -> KmsAddress | Path | None:
        """Where the key lies that signs results, if one does."""
        return parse_signing_key(self.c2pa_key) if self.c2pa_key is not None else None

    def painted_label(self) -> "Label | None":
        """What is painted onto results, None where nothing is; raises ValueError where that cannot be."""
        if self.label == "off":
            return None
        from pipeline.label.label import label_in  # noqa: PLC0415 -- slow to import, and mostly off

        return label_in(self.label_language, self.label, text=self.label_text, size=self.label_size)
