"""Answers that are shared: worked out once for all who ask meanwhile, however that ends."""

from __future__ import annotations

import asyncio

import pytest

from api.shared_answers import SharedAnswers


def test_all_who_ask_meanwhile_get_one_answer_though_the_first_goes_away():
    async def ask() -> list[int]:
        answers, made, go_on = SharedAnswers[int](lambda: 0), [], asyncio.Event()

        async def make(_now_ms: int) -> int:
            made.append(1)
            await go_on.wait()
            return len(made)

        asking = [asyncio.create_task(answers.of("all", make)) for _ in range(3)]
        await asyncio.sleep(0)
        asking[0].cancel()
        go_on.set()
        return await asyncio.gather(*asking[1:])

    assert asyncio.run(ask()) == [1, 1]


def test_what_failed_is_tried_again_by_the_next_one():
    async def ask() -> str:
        answers = SharedAnswers[str](lambda: 0)

        async def fail(_now_ms: int) -> str:
            raise OSError("gone")

        async def succeed(_now_ms: int) -> str:
            return "here"

        with pytest.raises(OSError, match="gone"):
            await answers.of("all", fail)
        return await answers.of("all", succeed)

    assert asyncio.run(ask()) == "here"


def test_what_nobody_asks_for_any_more_is_not_kept():
    async def ask() -> list[int]:
        instants = iter([*[0] * 100, 999, 1000, 5000])
        answers, held = SharedAnswers[bytes](lambda: next(instants)), []

        async def make(_now_ms: int) -> bytes:
            return b"body"

        for _ in range(103):
            await answers.of(object(), make)
            held.append(answers.held)
        return [max(held), *held[-3:]]

    assert asyncio.run(ask()) == [64, 64, 2, 1]
