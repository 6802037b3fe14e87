"""The pages on which administrators look after accounts: lists and forms. Values in, words out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from api.admin import Choice
from api.words import Words
from presence.site import Site
from presence.site_checks import Problem
from storage.record.accounts import Token
from storage.record.users import ROLES, Account

FIELDS = ("name", "role", "agency", "site", "oidc")


class RoleChoice(NamedTuple):
    """A role to choose. `says`: what who has it may do."""

    value: str
    label: str
    says: str


class TokenRow(NamedTuple):
    id: str
    label: str
    scope: str
    expires: str


def typed(form: Mapping[str, str]) -> dict[str, str]:
    """What somebody filled in. What a role does not have is not asked of it: the page hides the field, and keeps it."""
    texts = {name: form.get(name, "").strip() for name in FIELDS}
    if texts["role"] != "agency":
        texts["agency"] = ""
    if texts["role"] == "administrator":
        texts["site"] = ""
    return texts


def of_account(account: Account) -> dict[str, str]:
    """The form of an account as it stands."""
    return {"name": account.name, "role": account.role, "agency": account.agency or "", "site": account.site or ""} | {
        "oidc": account.identity or ""
    }


def roles(words: Words) -> list[RoleChoice]:
    """From the role that may least."""
    return [RoleChoice(one, words(f"role.{one}"), words(f"role.{one}.says")) for one in reversed(ROLES)]


def agencies(sites: Sequence[Site], chosen: str, words: Words) -> list[Choice]:
    """Those of all sites, an id that several have once; the chosen one also when it is there no longer."""
    found: dict[str, str] = {}
    for site in sites:
        for one in site.agencies:
            found.setdefault(one.id, one.name if len(sites) == 1 else f"{one.name} · {site.name}")
    return [Choice("", words("admin.choose")), *_with_chosen(found, chosen)]


def places(sites: Sequence[Site], chosen: str, words: Words) -> list[Choice]:
    """The one site that an account sees, or all."""
    return [Choice("", words("admin.users.all")), *_with_chosen({one.id: one.name for one in sites}, chosen)]


def _with_chosen(found: Mapping[str, str], chosen: str) -> list[Choice]:
    known = found if not chosen or chosen in found else {**found, chosen: chosen}
    return [Choice(value, label) for value, label in known.items()]


def wrong(found: Iterable[Problem], words: Words) -> dict[str, str]:
    """What to do about each field, in the reader's language; "" where nothing is wrong."""
    told = dict.fromkeys(FIELDS, "")
    for one in found:
        told[one.path] = (
            words(f"admin.refused.{one.key}", what=one.what)
            if one.key in ("taken", "person_taken")
            else words.get(f"admin.users.wrong.{one.path}", one.says)
        )
    return told


def rows(
    accounts: Iterable[Account], sites: Sequence[Site], issuer: str | None, words: Words
) -> list[tuple[str, tuple[str, ...]]]:
    """Name, and the cells that follow it in the list. `issuer`: by which people may log in."""
    return [
        (one.name, (words(f"role.{one.role}"), sees(one, sites, words), ways_in(one, issuer, words), last(one, words)))
        for one in accounts
    ]


def sees(account: Account, sites: Sequence[Site], words: Words) -> str:
    """What an account sees: an agency, a site, both, or everything."""
    names = {one.id: one.name for one in sites}
    short = {one.id: one.short or one.name for site in sites for one in site.agencies}
    found = [
        None if account.agency is None else short.get(account.agency, account.agency),
        None if account.site is None else names.get(account.site, account.site),
    ]
    return " · ".join(filter(None, found)) or words("admin.users.all")


def ways_in(account: Account, issuer: str | None, words: Words) -> str:
    """By what an account may be opened now. `issuer`: what people call it; without one whom it names opens nothing."""
    ways = [words("admin.users.way.password")] if account.has_password else []
    if issuer and account.identity:
        person = account.identity if account.joined else words("admin.users.way.awaited", who=account.identity)
        ways.append(f"{issuer}: {person}")
    for name, count in (("links", account.links), ("tokens", len(account.tokens)), ("sessions", account.sessions)):
        if count:
            ways.append(words(f"admin.users.way.{name}", n=count))
    return " · ".join(ways) or words("admin.users.way.none")


def last(account: Account, words: Words) -> str:
    """When somebody last logged in."""
    at_ms = account.logged_in_ms
    return words("admin.users.last.never") if at_ms is None else f"{words.date(at_ms)} {words.clock(at_ms)}"


def token_rows(tokens: Iterable[Token], now_ms: int, words: Words) -> list[TokenRow]:
    """Oldest first, as the record has them."""
    return [
        TokenRow(one.id, one.label or one.id, words(f"scope.{one.scope}"), _end(one.expires_ms, now_ms, words))
        for one in tokens
    ]


def _end(expires_ms: int | None, now_ms: int, words: Words) -> str:
    if expires_ms is None:
        return words("account.never")
    return words("account.expired") if expires_ms <= now_ms else words.date(expires_ms)


def removal(account: Account, words: Words) -> str:
    """What becomes of what hangs on an account, with figures, before it is taken away."""
    return words("admin.users.remove.body", n=len(account.tokens), sessions=account.sessions)
