"""Several pictures of one person made into one source."""

from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.engines.merge import mean_embedding, mean_identity, merged_notices
from pipeline.face import Notice, NoticeCode, Source
from tests.support.faces import made_up_face


def a_source(*codes: NoticeCode, embedding: Sequence[float] | None = None) -> Source:
    notices = tuple(Notice(code=code, message=code) for code in codes)
    known = None if embedding is None else np.array(embedding, np.float32)
    return Source(face=made_up_face(0, 0), embedding=known, notices=notices)


def test_each_picture_counts_the_same_whatever_the_length_of_its_embedding() -> None:
    mean = mean_identity([np.array([4, 0], np.float32), np.array([0, 2], np.float32)])
    assert np.allclose(mean, [3 / np.sqrt(2)] * 2)
    assert mean.dtype == np.float32


@pytest.mark.parametrize("embeddings", [[[0, 0]], [[1, 0], [-1, 0]], [[0, 0], [1, 0]]])
def test_embeddings_without_anything_in_common_do_no_harm(embeddings: list[list[float]]) -> None:
    assert np.isfinite(mean_identity([np.array(one, np.float32) for one in embeddings])).all()


def test_one_picture_alone_stays_what_it_is() -> None:
    alone = np.array([0.3, -0.4, 1.2], np.float32)
    assert np.allclose(mean_identity([alone]), alone)


def test_where_no_picture_has_an_embedding_there_is_none() -> None:
    assert mean_embedding([a_source(), a_source()]) is None
    mean = mean_embedding([a_source(), a_source(embedding=[1, 0])])
    assert mean is not None
    assert np.allclose(mean, [1, 0])


def test_a_flaw_counts_where_no_picture_makes_up_for_it_and_a_files_fault_always() -> None:
    one, other = a_source("source_small", "source_profile"), a_source("source_small", "end_missing")
    both = merged_notices([one, other], flaws_of=[one, other])
    assert [notice.code for notice in both] == ["source_small", "end_missing"]
    drawn = merged_notices([one, other], flaws_of=[one])
    assert [notice.code for notice in drawn] == ["source_small", "source_profile", "end_missing"]
