"""The real networks, where somebody has fetched them: `swapdrop models pull rivagan_encoder.onnx …`."""

import pytest

from consumer.config.environment import load_settings
from consumer.engines.model_files import open_model_store
from consumer.engines.registry import WATERMARK_DECODER, WATERMARK_ENCODER
from models.errors import ModelMissing
from models.session import open_session
from pipeline.media.pictures.decode import Picture
from pipeline.media.sniff import MEDIA_TYPES
from pipeline.watermark.embed import Watermarker
from pipeline.watermark.find import SURE, read_best
from pipeline.watermark.network import Decoder, Encoder
from tests.quality.watermark import SPOILT
from tests.support.faces import astronaut

ID = "9b04e67f"


@pytest.fixture(scope="module")
def networks() -> tuple[Encoder, Decoder]:
    store = open_model_store(load_settings())
    try:
        encoder, decoder = (store.require(name).path for name in (WATERMARK_ENCODER, WATERMARK_DECODER))
    except ModelMissing as error:
        pytest.skip(str(error))
    return Encoder(open_session(encoder)), Decoder(open_session(decoder))


def test_an_id_in_a_portrait_outlasts_what_is_usually_done_to_pictures(
    networks: tuple[Encoder, Decoder],
) -> None:
    encoder, decoder = networks
    picture = Picture(bgr=astronaut().copy(), alpha=None, media=MEDIA_TYPES["png"])
    Watermarker(lambda: encoder, model="").on_picture(picture, ID)
    for name, spoil in SPOILT.items():
        found = read_best(decoder, [spoil(picture.bgr)], expected=ID)
        assert found is not None
        assert found.matches, name
    plain = read_best(decoder, [astronaut()], expected=ID)
    assert plain is not None
    assert plain.confidence < SURE
    assert not plain.is_there
