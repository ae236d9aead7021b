"""What TensorRT is told of a model's shapes, so that it builds one engine for all of them."""

from models.tensorrt import FreeSides, profile_options

SWAPPER = {"target": (None, 3, 128, 128), "source": (None, 512)}
DETECTOR = {"input.1": (1, 3, None, None)}


def test_one_engine_serves_every_batch() -> None:
    assert profile_options(SWAPPER, FreeSides(batch=8)) == {
        "trt_profile_min_shapes": "target:1x3x128x128,source:1x512",
        "trt_profile_opt_shapes": "target:8x3x128x128,source:8x512",
        "trt_profile_max_shapes": "target:8x3x128x128,source:8x512",
    }


def test_one_engine_serves_every_size() -> None:
    assert profile_options(DETECTOR, FreeSides(others=(640, 128, 1280))) == {
        "trt_profile_min_shapes": "input.1:1x3x128x128",
        "trt_profile_opt_shapes": "input.1:1x3x640x640",
        "trt_profile_max_shapes": "input.1:1x3x1280x1280",
    }


def test_a_free_batch_of_which_nobody_speaks_is_one_picture() -> None:
    options = profile_options({"data": (None, 3, 112, 112)}, FreeSides())
    assert set(options.values()) == {"data:1x3x112x112"}


def test_inputs_that_do_not_vary_are_left_out_and_a_model_without_any_has_no_profile() -> None:
    options = profile_options({"picture": (None, 3, 8, 8), "weight": (1,)}, FreeSides(batch=2))
    assert options["trt_profile_max_shapes"] == "picture:2x3x8x8"
    assert profile_options({"picture": (1, 3, 8, 8)}, FreeSides(batch=2)) == {}


def test_nothing_is_guessed_of_sides_that_nobody_speaks_of() -> None:
    assert profile_options(DETECTOR, FreeSides(batch=4)) == {}
