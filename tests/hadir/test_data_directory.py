import json
from pathlib import Path

import pytest

from hadir.data_directory import DataDirectory
from presence.errors import BadInput


def test_a_second_one_is_told_where_the_first_runs(tmp_path: Path):
    with DataDirectory(tmp_path) as data:
        data.tell(web=8081, mqtt=1883, pids={}, demo=None)
        with pytest.raises(BadInput) as refused:
            DataDirectory(tmp_path)
    line = f"{tmp_path}: hadir up runs here already, its pages on port 8081; stop that one first"
    assert str(refused.value) == line


def test_after_the_end_the_next_one_may_begin_and_nothing_is_said_to_run(tmp_path: Path):
    with DataDirectory(tmp_path) as data:
        data.tell(web=8081, mqtt=1883, pids={"web": 1}, demo=2)
        running = json.loads((tmp_path / "run.json").read_text())
        assert running == {"web": 8081, "mqtt": 1883, "pids": {"web": 1}, "demo": 2}
    assert not (tmp_path / "run.json").exists()
    with DataDirectory(tmp_path):
        pass


def test_a_file_in_the_place_of_the_folder_is_one_line(tmp_path: Path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(BadInput) as refused:
        DataDirectory(tmp_path / "taken")
    assert str(refused.value) == (
        f"{tmp_path}/taken: cannot be the data directory: File exists; name a folder that can be written, with --data"
    )


def test_a_site_file_counts_as_applied_until_it_changes(tmp_path: Path):
    with DataDirectory(tmp_path) as data:
        assert not data.is_applied("site: a")
        data.applied("site: a")
        assert data.is_applied("site: a")
        assert not data.is_applied("site: b")
