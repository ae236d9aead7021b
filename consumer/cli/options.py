"""Options that several commands have in common, stated once."""

import inspect
from collections.abc import Callable
from functools import partial, wraps
from typing import Annotated, Any

import typer

OptionValues = dict[str, Any]

_option = partial(typer.Option, rich_help_panel="The result")
_consent = partial(typer.Option, rich_help_panel="Consent", show_default=False)
_video = partial(typer.Option, rich_help_panel="The result, of videos")
EngineOption = Annotated[
    str, _option("--engine", metavar="NAME", help="Which engine works; auto: the best ready.")
]


def picture_options(
    *,
    many_faces: Annotated[
        bool, _option("--many-faces", help="Swap every face, not only the largest.")
    ] = False,
    swap_strength: Annotated[
        float,
        _option("--swap-strength", metavar="0-1", min=0, max=1, help="How much of the source's identity."),
    ] = 0.5,
    pixel_boost: Annotated[
        int,
        _option(
            "--pixel-boost",
            metavar="PX",
            min=0,
            max=1024,
            help="Swap large faces in crops of up to so many pixels.",
        ),
    ] = 0,
    mouth_mask: Annotated[bool, _option("--mouth-mask", help="Keep the target's own mouth.")] = False,
    keep_tint: Annotated[
        bool, _option("--no-color-correction", help="Do not match the face to the target's light.")
    ] = False,
    enhance: Annotated[
        bool, _option("--enhance", help="Restore the swapped face; needs an enhancer's file.")
    ] = False,
    enhance_auto: Annotated[
        bool, _option("--enhance-auto", help="Restore the swapped face if an enhancer's file is here.")
    ] = False,
    enhancer_strength: Annotated[
        float,
        _option(
            "--enhancer-strength", metavar="0-1", min=0, max=1, help="How much of the restored face shows."
        ),
    ] = 1.0,
    output_format: Annotated[
        str | None,
        _option("--format", metavar="NAME", help="jpeg, png, webp or avif; else as the target."),
    ] = None,
    quality: Annotated[
        int, _option("--quality", metavar="1-100", min=1, max=100, help="Encoder quality.")
    ] = 95,
    keep_date: Annotated[
        bool, _option("--keep-date", help="Keep the date of the target, and no other metadata.")
    ] = False,
    engine: EngineOption = "auto",
    trim: Annotated[
        str | None,
        _video("--trim", metavar="FROM-TO", help="Keep only so much, in seconds: 12.5-60, 12- or -60."),
    ] = None,
    steady_fps: Annotated[
        bool, _video("--steady-fps", help="30 frames a second, instead of the target's times.")
    ] = False,
    silent: Annotated[bool, _video("--no-audio", help="Leave the sound out.")] = False,
    encoder: Annotated[str, _video("--encoder", metavar="NAME", help="What encodes the video.")] = "libx264",
    video_quality: Annotated[
        int, _video("--video-quality", metavar="0-51", min=0, max=51, help="Lower is better.")
    ] = 18,
) -> OptionValues:
    """The contract's options, under the contract's names."""
    return {
        "engine": engine,
        "many_faces": many_faces,
        "swap_strength": swap_strength,
        "pixel_boost": pixel_boost,
        "mouth_mask": mouth_mask,
        "color_correction": not keep_tint,
        "use_face_enhancer": enhance or ("auto" if enhance_auto else False),
        "enhancer_strength": enhancer_strength,
        "output_format": output_format,
        "image_quality": quality,
        "keep_date": keep_date,
        "keep_fps": not steady_fps,
        "keep_audio": not silent,
        "video_encoder": encoder,
        "video_quality": video_quality,
        "trim": None if trim is None else _trim(trim),
    }


def _trim(word: str) -> dict[str, float]:
    start, dash, end = word.partition("-")
    try:
        kept = {name: float(given) for name, given in (("start", start), ("end", end)) if given}
    except ValueError:
        kept = {}
    if not (dash and kept):
        raise typer.BadParameter(f"{word} is no part of a video; write it as 12.5-60, 12- or -60.")
    return kept


def consent_options(
    *,
    consent: Annotated[bool, _consent("--consent", help="Everybody shown agrees to it.")] = False,
    consent_by: Annotated[
        str | None,
        _consent("--consent-by", metavar="ID", help="Who says so; an id of yours, no name or address."),
    ] = None,
    consent_reference: Annotated[
        str | None, _consent("--consent-reference", metavar="ID", help="Where your records have it.")
    ] = None,
) -> OptionValues:
    """The manifest's consent, empty where nobody attests one."""
    if not consent:
        if consent_by or consent_reference:
            raise typer.BadParameter("--consent-by and --consent-reference go with --consent.")
        return {}
    said = {"by": consent_by, "reference": consent_reference}
    return {"attested": True, **{name: word for name, word in said.items() if word is not None}}


def with_options(
    **shared: Callable[..., OptionValues],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of each of `shared`, whose answer becomes its argument of that name."""
    groups = {name: inspect.signature(read).parameters for name, read in shared.items()}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def merged(**given: Any) -> None:  # noqa: ANN401 - whatever the signatures say
            read = {
                name: shared[name](**{option: given.pop(option) for option in options})
                for name, options in groups.items()
            }
            command(**read, **given)

        own = [p for name, p in inspect.signature(command).parameters.items() if name not in shared]
        options = [option for group in groups.values() for option in group.values()]
        merged.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined] # typer reads it
        merged.__annotations__ = {p.name: p.annotation for p in (*own, *options)}
        return merged

    return decorate
