"""What the web process is given: built elsewhere, joined to routes by `api.app`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from presence.site import Site
from presence.site_checks import Problem
from storage.record import Record
from storage.record.claims import Claim
from storage.timeseries import Store
from transport.session import BrokerAddress

if TYPE_CHECKING:
    from api.oidc.relying_party import RelyingParty


@dataclass(frozen=True, kw_only=True)
class Parts:
    """`now`: epoch ms. `demo`: reading is open to this machine. `data_flag`: what `hadir user` needs to find the
    record, when it lies where nobody would look for it. `checks`: for `/readyz`, a function for each further part (the
    store …) that says in words what is wrong with it, or None; called in a thread, it may block. `store`: of readings,
    which is read alone; None: there is none to plot. `claim`: a site with a device of the inbox as one sensor more; it
    knows the conventions, and raises BadInput. `source_problems`: what drivers and conventions have to say against the
    sources of a site. `plans`: the folder with the pictures of floors.
    `oidc`: the issuer by which people may log in; None: there is none.
    `webhook_secrets`: of the clouds that sign what they post, by the name that `api.webhooks` gives them.
    """

    record: Record
    broker: BrokerAddress
    now: Callable[[], int]
    store: Store | None = None
    demo: bool = False
    data_flag: str = ""
    webhook_secrets: Mapping[str, str] = field(default_factory=dict)
    plans: Path | None = None
    checks: Mapping[str, Callable[[], str | None]] = field(default_factory=dict)
    claim: Claim | None = None
    oidc: RelyingParty | None = None
    source_problems: Callable[[Site], Sequence[Problem]] = lambda _site: ()
