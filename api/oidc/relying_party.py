"""Hadir as a client of one issuer: sends a person there, and believes what comes back once it is proved.

Authorization code with PKCE. The ID token must be signed by a key of the issuer with an asymmetric algorithm, be meant
for us, be of this log-in (nonce), and not be over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError

from api.oidc.begun import LIFE_S, Begun, begin, opened, signed
from api.oidc.errors import NotProved
from api.oidc.issuer import Description, Issuer
from storage.record.identities import Person, names

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY_S = 60
# Of their own, so that an issuer that hangs holds none of the threads that serve pages.
_THREADS = 4
_LONGEST_SUBJECT = 255


@dataclass(frozen=True, kw_only=True, slots=True)
class Registration:
    """What Hadir is to the issuer. `secret`: None for a public client; `name`: of the issuer, for people."""

    issuer: str
    client_id: str
    secret: str | None = field(default=None, repr=False)
    name: str
    scopes: str = "openid email profile"


class RelyingParty:
    """`pace`: ms of a clock that nobody sets."""

    begun_life_s = LIFE_S

    def __init__(self, registration: Registration, pace: Callable[[], int]) -> None:
        self.name = registration.name
        self._registration = registration
        self._issuer = Issuer(registration.issuer, pace)
        self._threads = ThreadPoolExecutor(_THREADS, "oidc")

    async def begin(self, back: str, then: str | None, key: bytes, now_ms: int) -> tuple[str, str]:
        """Where to send the person, and the cookie that keeps the log-in meanwhile. `back`: where he returns to.

        `then`: the page of ours that he asked for; believed when it comes back, so it has to be checked before.

        Raises NotProved when the issuer does not answer.
        """
        loop = asyncio.get_running_loop()
        described = await loop.run_in_executor(self._threads, lambda: self._issuer.description(fresh=True))
        begun = begin(then)
        return self._address(described, back, begun), signed(begun, key, now_ms)

    def begun(self, cookie: str | None, said: Mapping[str, str], key: bytes, now_ms: int) -> Begun:
        """The log-in that `said`, from the address, belongs to. Raises NotProved unless this browser began it."""
        return opened(cookie, said.get("state", ""), key, now_ms)

    async def person(self, begun: Begun, said: Mapping[str, str], back: str, now_ms: int) -> Person:
        """Who came back with `said` in the address. Raises NotProved."""
        if "code" not in said:
            raise NotProved("declined", f"the issuer says {_code_of(said.get('error'))}")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._person, begun, said["code"], back, now_ms)

    def _address(self, described: Description, back: str, begun: Begun) -> str:
        address: str = prepare_grant_uri(
            described.authorize,
            self._registration.client_id,
            "code",
            redirect_uri=back,
            scope=self._registration.scopes,
            state=begun.state,
            nonce=begun.nonce,
            code_challenge=create_s256_code_challenge(begun.verifier),
            code_challenge_method="S256",
        )
        return address

    def _person(self, begun: Begun, code: str, back: str, now_ms: int) -> Person:
        described = self._issuer.description()
        tokens = self._tokens(described, back, begun, code)
        claims = self._claims(tokens, begun.nonce, now_ms)
        if not {"email", "preferred_username"} & claims.keys():
            claims |= self._further_claims(described, tokens, claims["sub"])
        return Person(self._registration.issuer, claims["sub"], _names(claims))

    def _tokens(self, described: Description, back: str, begun: Begun, code: str) -> dict[str, Any]:
        """What the issuer gives for `code`; it does so once."""
        body = prepare_token_request("authorization_code", redirect_uri=back, code=code, code_verifier=begun.verifier)
        url, headers, body = self._client_auth(described.ways).prepare(
            "POST", described.token, {"Content-Type": "application/x-www-form-urlencoded"}, body
        )
        answer = self._issuer.asking.ask("POST", url, headers, body)
        if answer.status >= 500:
            raise NotProved("away", f"the issuer's token endpoint answered {answer.status}")
        if answer.status != 200:
            said = _code_of(answer.body.get("error"))
            raise NotProved("unproved", f"the issuer does not take the code: {answer.status} {said}")
        return answer.body

    def _client_auth(self, ways: tuple[str, ...]) -> ClientAuth:
        client, secret = self._registration.client_id, self._registration.secret
        if secret is None:
            return ClientAuth(client, None, "none")
        # In the body there is one way to write a secret; of those in a header issuers disagree about what is escaped.
        if "client_secret_post" in ways:
            return ClientAuth(client, secret, "client_secret_post")
        return ClientAuth(quote(client, safe=""), quote(secret, safe=""), "client_secret_basic")

    def _claims(self, tokens: dict[str, Any], nonce: str, now_ms: int) -> dict[str, Any]:
        """What the ID token says, proved."""
        token = tokens.get("id_token")
        if not isinstance(token, str):
            raise NotProved("unproved", "the issuer gave no ID token; the scopes must hold openid")
        try:
            decoded = self._decoded(token)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {
                    "iss": {"essential": True, "value": self._registration.issuer},
                    "aud": {"essential": True, "value": self._registration.client_id},
                    "sub": {"essential": True},
                },
                {
                    "nonce": nonce,
                    "client_id": self._registration.client_id,
                    "access_token": tokens.get("access_token"),
                },
            )
            claims.validate(now_ms // 1000, LEEWAY_S)
        except (JoseError, ValueError) as error:
            raise NotProved("unproved", f"the ID token does not hold: {error}") from None
        subject = claims["sub"]
        if not isinstance(subject, str) or not subject.isprintable() or len(subject) > _LONGEST_SUBJECT:
            raise NotProved("unproved", "the ID token's subject is no printable text, or too long")
        return dict(claims)

    def _decoded(self, token: str) -> jwt.Token:
        keys = self._issuer.keys()
        try:
            return jwt.decode(token, keys, ALGORITHMS)
        except (InvalidKeyIdError, BadSignatureError):
            return jwt.decode(token, self._issuer.keys(other_than=keys), ALGORITHMS)

    def _further_claims(self, described: Description, tokens: dict[str, Any], subject: str) -> dict[str, Any]:
        """What the issuer tells of the person when asked; of many it is not in the ID token."""
        access = tokens.get("access_token")
        if described.userinfo is None or not isinstance(access, str):
            return {}
        said = self._issuer.asking.get(described.userinfo, {"Authorization": f"Bearer {access}"})
        if said.get("sub") != subject:
            raise NotProved("unproved", "the issuer tells of another person than the ID token")
        return said


def _names(claims: Mapping[str, Any]) -> frozenset[str]:
    email = claims.get("email") if claims.get("email_verified") is True else None
    username = claims.get("preferred_username")
    return names(
        claims["sub"], email if isinstance(email, str) else None, username if isinstance(username, str) else None
    )


def _code_of(said: object) -> str:
    """An error code of OAuth; what is none is not repeated, for anybody may have written it."""
    known = isinstance(said, str) and len(said) <= 64 and said.isascii() and said.replace("_", "").isalnum()
    return str(said) if known else "nothing that is understood"
