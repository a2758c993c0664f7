"""Many calls of the task hub, some of them at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

AT_ONCE = 20

Item = TypeVar("Item")
Answer = TypeVar("Answer")


async def side_by_side(items: Iterable[Item], ask: Callable[[Item], Awaitable[Answer]]) -> list[Answer]:
    """The answers for the items, in their order."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(item: Item) -> Answer:
        async with places:
            return await ask(item)

    return list(await asyncio.gather(*(one(item) for item in items)))
