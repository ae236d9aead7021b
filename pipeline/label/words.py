"""What a label says in each language, and what is left of that where there is no room."""

from dataclasses import dataclass
from typing import Final, Literal

Language = Literal["de", "en", "es", "fr", "it", "ja", "nl", "pl", "pt", "zh"]


@dataclass(frozen=True, kw_only=True)
class Words:
    """One language's."""

    sentence: str
    #: For pictures of few pixels.
    short: str


# The Chinese has both that GB 45438-2025 asks for: that it was AI (人工智能, AI), and that this generated or
# synthesised it (生成, 合成).
WORDS: Final[dict[Language, Words]] = {
    "de": Words(sentence="Mit KI verändert", short="KI"),
    "en": Words(sentence="Altered with AI", short="AI"),
    "es": Words(sentence="Modificado con IA", short="IA"),
    "fr": Words(sentence="Modifié par IA", short="IA"),
    "it": Words(sentence="Modificato con IA", short="IA"),
    "ja": Words(sentence="AIによる加工", short="AI"),
    "nl": Words(sentence="Bewerkt met AI", short="AI"),
    "pl": Words(sentence="Zmienione przez AI", short="AI"),
    "pt": Words(sentence="Alterado com IA", short="IA"),
    "zh": Words(sentence="AI生成合成", short="AI"),
}
