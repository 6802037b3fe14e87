"""What must hold between the parts of a site."""

from presence.site_checks import Problem, problems
from tests.builders import outlet, site


def test_no_two_outlets_have_the_same_number() -> None:
    outlets = [outlet("a", number=1), outlet("b"), outlet("c"), outlet("d", number=2), outlet("e", number=1)]
    assert list(problems(site(outlets=outlets))) == [
        Problem("outlets[4].number", "1 is that of outlets[0] too; give each its own number")
    ]
