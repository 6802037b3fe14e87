"""What `hadir up` says of the sites in the record, before anything is started."""

from __future__ import annotations

import contextlib
from pathlib import Path

from hadir.data_directory import DataDirectory
from hadir.installation import Installation
from hadir.listening import listen
from hadir.settings import Settings
from storage.record import Record, registry
from tests.builders import outlet, site


def test_hours_that_are_hardly_meant_are_told_at_every_start(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    hall = site(outlets=[outlet("a-1", service_hours="PH off; Mo-Fr 08:00-12:00"), outlet("a-2")])
    with Record.open(settings.record_url()) as record, record.writing() as connection:
        registry.apply(connection, hall, prune=False, now_ms=0)
    with (
        DataDirectory(tmp_path) as data,
        contextlib.closing(listen("127.0.0.1", 0)) as pages,
        Installation(settings, data, pages, simulated=False) as installation,
    ):
        assert installation.hours_warnings() == [
            'balai, outlet a-1: "PH off" does not hold on holidays: "Mo-Fr 08:00-12:00" behind it does; write it last'
        ]
