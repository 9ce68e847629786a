import os

import pytest

from store.lock import InUse, hold


def test_a_folder_has_one_holder_at_a_time(tmp_path):
    handle = hold(tmp_path / "data")
    with pytest.raises(InUse, match="Another Myelin"):
        hold(tmp_path / "data")
    hold(tmp_path / "other")
    os.close(handle)
    hold(tmp_path / "data")
