from __future__ import annotations

from pathlib import Path

from api.alerting.lease import Lease


def test_one_at_a_time_has_the_lease_of_a_site(tmp_path: Path) -> None:
    first, second, other_site = Lease(tmp_path, "mpp"), Lease(tmp_path, "mpp"), Lease(tmp_path, "balai")
    assert (first.take(), first.take(), second.take(), other_site.take()) == (True, True, False, True)
    first.release()
    first.release()
    assert (second.take(), first.take()) == (True, False)
    second.release()
    other_site.release()
