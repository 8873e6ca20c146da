"""Questions about invented people and about dates.

Where an answer is no object, the first match on the line behind the last word "answer" that has
one goes before all others.
"""

import json
import re
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby, product
from random import Random
from typing import Any, ClassVar

from bedstone.tasks.problems import (
    ABSTAINING,
    NUMBER,
    Problem,
    Puzzle,
    Question,
    Range,
    between,
    number,
    stated,
)

NAMES = (
    *("Ada", "Bo", "Chen", "Dina", "Emeka", "Farah", "Goran", "Hana", "Ivo", "Juma"),
    *("Kiran", "Lena", "Mateo", "Nia", "Omar", "Priya", "Rosa", "Sven", "Tara", "Uma"),
)
TOWNS = ("Arlen", "Bexham", "Corvale", "Dunmore", "Estrel", "Fenwick", "Galdara", "Hollin")
LIKES = ("chess", "tea", "rain", "maps", "music", "bread", "stars", "goats", "trains", "poems")
THINGS = ("books", "boats", "cats", "goats", "keys", "lamps", "pens", "trees")
NOT_KNOWN = re.compile(
    r"unknown|not (?:known|given|stated|mentioned|specified|provided|listed|available|say|know)"
    r"|(?:don't|don’t|doesn't|doesn’t) (?:know|say)|(?:cannot|can't|can’t|can not) (?:be|say|tell)"
    r"|no (?:such )?information|not enough information",
    re.IGNORECASE,
)
COUNT_OR_ABSTAINING = re.compile(f"{NOT_KNOWN.pattern}|{NUMBER.pattern}", re.IGNORECASE)
DECODER = json.JSONDecoder()
ISO_DATE = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)", re.ASCII)
DAYS = re.compile(r"(?<![\d-])\d+(?:,\d{3})*(?![\d-])")
"""No part of a date."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEEKDAY = re.compile("|".join(WEEKDAYS), re.IGNORECASE | re.ASCII)
KEPT_SHARE = 0.8
"""Of what others have than the one who is asked for."""
UNANSWERABLE_SHARE = 0.4


@dataclass(frozen=True)
class Json(Puzzle):
    """Write facts as a JSON object. The answer is the last object that the schema allows."""

    kind = "json"
    schema: ClassVar[dict[str, Any] | None] = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "town": {"type": "string"},
            "likes": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["name", "age", "town", "likes"],
        "additionalProperties": False,
    }
    limits: ClassVar = {"likes": (1, len(LIKES))}
    likes: Range = (1, 3)

    def draw(self, random: Random) -> Question:
        """What a person likes keeps its order; the keys may come in any."""
        likes = random.sample(LIKES, between(random, self.likes))
        name, town, age = random.choice(NAMES), random.choice(TOWNS), random.randint(18, 90)
        gaps = {"name": name, "age": age, "town": town, "likes": ", ".join(likes)}
        answer = _canonical({"name": name, "age": age, "town": town, "likes": likes})
        worked = json.dumps({"name": name, "age": age, "town": town, "likes": likes})
        return Question(answer, gaps, answer, worked, self.kind)

    def extract(self, problem: Problem, text: str) -> str | None:
        """The last object that the schema allows, its keys sorted and without spaces."""
        found, start = None, text.find("{")
        while start >= 0:
            after = start + 1
            try:
                read, end = DECODER.raw_decode(text, start)
            except (ValueError, RecursionError):
                read = {}
            if _is_allowed(read):
                found, after = _canonical(read), end
            start = text.find("{", after)
        return found


def _canonical(read: dict[str, object]) -> str:
    return json.dumps(read, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _is_allowed(read: dict[str, object]) -> bool:
    # By Json.schema; a whole number is one that is written without a fraction.
    return (
        set(read) == {"name", "age", "town", "likes"}
        and isinstance(read["name"], str)
        and type(read["age"]) is int
        and isinstance(read["town"], str)
        and isinstance(read["likes"], list)
        and all(isinstance(like, str) for like in read["likes"])
    )


@dataclass(frozen=True)
class Dates(Puzzle):
    """Days between two dates, the weekday of one, or the date some days after one.

    The answer is the last number outside a date, the last weekday's name, or the last date as in
    2024-02-29.
    """

    kind = "dates"
    limits: ClassVar = {"years": (1000, 9000), "days": (1, 9999)}
    years: Range = (2001, 2030)
    days: Range = (1, 60)

    def draw(self, random: Random) -> Question:
        """Each of the three questions as often."""
        low, high = self.years
        bounds = date(low, 1, 1).toordinal(), date(high, 12, 31).toordinal()
        start, days = date.fromordinal(between(random, bounds)), between(random, self.days)
        end = start + timedelta(days)
        gaps = {"start": start, "end": end, "days": days}
        content, answer = random.choice(
            (
                (f"days from {start} to {end}", str(days)),
                (f"weekday of {start}", WEEKDAYS[start.weekday()]),
                (f"date {days} after {start}", str(end)),
            )
        )
        wording = f"dates-{content.partition(' ')[0]}"
        return Question(content, gaps, answer, f"answer {answer}", wording)

    def extract(self, problem: Problem, text: str) -> str | None:
        """A number, a weekday with a capital, or a date, as the problem asks."""
        asked = problem.content.partition(" ")[0]
        found = stated({"days": DAYS, "weekday": WEEKDAY, "date": ISO_DATE}[asked], text)
        if found is None or asked == "date":
            return found
        return found.capitalize() if asked == "weekday" else number(found)


@dataclass(frozen=True)
class Unanswerable(Puzzle):
    """How many things somebody has, by a table in which that may be missing.

    Where it is missing, to abstain is right; elsewhere it is wrong. The answer is the last number
    or the last phrase that abstains, such as "unknown", "not given", "cannot be told".
    """

    kind = "unanswerable"
    limits: ClassVar = {"people": (1, len(NAMES)), "things": (2, len(THINGS))}
    people: Range = (2, 4)
    things: Range = (2, 3)

    def draw(self, random: Random) -> Question:
        """Some of what others have is missing too."""
        people = random.sample(NAMES, between(random, self.people))
        things = random.sample(THINGS, between(random, self.things))
        name, thing = asked = random.choice(people), random.choice(things)
        answerable = random.random() >= UNANSWERABLE_SHARE
        counts = {
            pair: random.randint(2, 20)
            for pair in product(people, things)
            if (answerable if pair == asked else pair[0] == name or random.random() < KEPT_SHARE)
        }
        facts = "; ".join(
            f"{one}: {', '.join(f'{count} {what}' for (_, what), count in rows)}"
            for one, rows in groupby(counts.items(), lambda row: row[0][0])
        )
        answer = str(counts[asked]) if answerable else ABSTAINING
        return Question(
            f"{facts}. {name}, {thing}",
            {"facts": facts, "name": name, "thing": thing},
            answer,
            f"answer {answer}",
            self.kind,
            answerable=answerable,
        )

    def extract(self, problem: Problem, text: str) -> str | None:
        """A number, or ``unknown``."""
        found = stated(COUNT_OR_ABSTAINING, text)
        if found is None:
            return None
        return number(found) if NUMBER.fullmatch(found) else ABSTAINING
