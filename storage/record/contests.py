"""What agencies say against absences that are booked, and what a manager decides. Functions on a connection.

Neither changes the books: those follow the evidence. Both are kept, and stand beside the figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, get_args

from sqlalchemy import Connection, insert, select, update

from presence.declarations import LONGEST_DECLARED_MS, NotAccepted, check_text
from presence.instants import rfc3339, rfc3339_or_none
from presence.site_checks import Problem
from storage.record import audit
from storage.record.refusals import NotNow, NotThere
from storage.record.tables import contest, outlet

Verdict = Literal["upheld", "corrected"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

_columns = contest.c


class Contest(NamedTuple):
    """A stretch [from_ms, to_ms) of an outlet that `author` contests. `verdict`: None until a manager decides.

    `upheld`: the absence stands; `corrected`: the agency is right. `decision`: why, in the manager's words.
    """

    id: int
    site: str
    outlet: str
    from_ms: int
    to_ms: int
    text: str
    author: str
    made_ms: int
    verdict: Verdict | None = None
    decision: str | None = None
    decided_by: str | None = None
    decided_ms: int | None = None

    def as_json(self) -> dict[str, Any]:
        """What is contested, by whom, and what became of it."""
        return {
            "id": self.id,
            "outlet": self.outlet,
            "from": rfc3339(self.from_ms),
            "to": rfc3339(self.to_ms),
            "text": self.text,
            "author": self.author,
            "made": rfc3339(self.made_ms),
            "verdict": self.verdict,
            "decision": self.decision,
            "decided_by": self.decided_by,
            "decided": rfc3339_or_none(self.decided_ms),
        }


def contests(connection: Connection, site: str, *, from_ms: int | None = None) -> list[Contest]:
    """Those of a site, the newest stretch first; `from_ms`: of stretches that end after it, and the undecided ones."""
    query = select(contest).where(_columns.site == site).order_by(_columns.from_ms.desc(), _columns.id.desc())
    if from_ms is not None:
        query = query.where((_columns.to_ms > from_ms) | _columns.verdict.is_(None))
    return [Contest(*row) for row in connection.execute(query)]


def contested(connection: Connection, site: str, number: int) -> Contest:
    """One of them. Raises NotThere."""
    row = connection.execute(select(contest).where(_columns.site == site, _columns.id == number)).one_or_none()
    if row is None:
        raise NotThere(f'no contest {number} at site "{site}"')
    return Contest(*row)


def submit(connection: Connection, wanted: Contest, now_ms: int) -> Contest:
    """Write what somebody contests (its `id` and `made_ms` are given here), with its audit row.

    Raises NotThere without such an outlet, NotAccepted for what is wrong, NotNow when the same waits already.
    """
    registered = select(outlet.c.id).where(outlet.c.site == wanted.site, outlet.c.id == wanted.outlet)
    if connection.execute(registered).one_or_none() is None:
        raise NotThere(f'no outlet "{wanted.outlet}" at site "{wanted.site}"')
    if problems := [*_check_span(wanted, now_ms), *check_text("text", wanted.text)]:
        raise NotAccepted(problems)
    for one in contests(connection, wanted.site, from_ms=wanted.from_ms):
        same = (one.outlet, one.from_ms, one.to_ms) == (wanted.outlet, wanted.from_ms, wanted.to_ms)
        if same and one.verdict is None:
            raise NotNow(f"the same is contested already, as contest {one.id}")
    made = wanted._replace(made_ms=now_ms)
    row = made._asdict() | {"body": made.text}
    del row["id"], row["text"]
    number = connection.execute(insert(contest).values(row).returning(_columns.id)).scalar_one()
    made = made._replace(id=number)
    _audit(connection, "contested", made, made.author, now_ms)
    return made


def decide(
    connection: Connection, site: str, number: int, verdict: Verdict, text: str, *, author: str, now_ms: int
) -> Contest:
    """Write what a manager decides, and why, with its audit row. A decision is final.

    Raises NotThere without it, NotAccepted for what is wrong, NotNow when it was decided before.
    """
    problems = [*check_text("text", text)]
    if verdict not in VERDICTS:
        problems.append(Problem("verdict", "is neither upheld nor corrected"))
    if problems:
        raise NotAccepted(problems)
    made = contested(connection, site, number)
    if made.verdict is not None:
        raise NotNow(f"contest {number} was decided at {rfc3339(made.decided_ms or 0)}: {made.verdict}")
    made = made._replace(verdict=verdict, decision=text, decided_by=author, decided_ms=now_ms)
    decided = {"verdict": verdict, "decision": text, "decided_by": author, "decided_ms": now_ms}
    connection.execute(update(contest).where(_columns.id == number).values(decided))
    _audit(connection, "contest_decided", made, author, now_ms)
    return made


def _check_span(wanted: Contest, now_ms: int) -> Iterator[Problem]:
    if wanted.to_ms <= wanted.from_ms:
        yield Problem("to", "is not after `from`")
    elif wanted.to_ms - wanted.from_ms > LONGEST_DECLARED_MS:
        yield Problem("to", "is more than 31 days after `from`; contest it in parts")
    if wanted.to_ms > now_ms:
        yield Problem("to", "lies ahead; contest what is over, and declare what is to come")


def _audit(connection: Connection, event: str, made: Contest, author: str, now_ms: int) -> None:
    body = {name: value for name, value in made.as_json().items() if name not in ("made", "decided")}
    audit.append(connection, now_ms, body | {"event": event, "site": made.site, "author": author})
