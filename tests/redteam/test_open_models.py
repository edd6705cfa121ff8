from __future__ import annotations

import pytest

from moatkeeper.errors import UsageError
from moatkeeper.redteam.knowledge import ChatKnowledge
from moatkeeper.redteam.open_models import open_models
from tests.support.chats import scratch


def test_models_that_can_learn_are_taken_by_name() -> None:
    model = scratch()
    assert open_models(ChatKnowledge([], bases={"tiny": model})) == {"tiny": model}
    assert open_models(ChatKnowledge([])) == {}


def test_anything_else_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"'weights\.bin' is no model that can learn"):
        open_models(ChatKnowledge([], bases={"tiny": scratch(), "weights.bin": "a path"}))
