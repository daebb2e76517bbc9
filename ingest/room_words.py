"""What does the name of a sensor in a foreign home log tell about where and what it is?

Names were given by researchers in English and Dutch. Words decide, most specific first; what no word
tells stays unknown (room "", kind "other"), never guessed.
"""

from __future__ import annotations

import re

_SPLIT = re.compile(r"[^a-z0-9]+|(?<=[a-z])(?=[0-9])")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

ROOMS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    # room, kind, words
    ("bathroom", "bathroom", (
        "bathroom", "toilet", "shower", "bath", "bathtub", "basin", "badkamer", "wc", "hamper", "flush",
    )),
    ("kitchen", "kitchen", (
        "kitchen", "fridge", "refrigerator", "freezer", "microwave", "magnetron", "dishwasher", "toaster",
        "cooktop", "stove", "oven", "burner", "groceries", "plates", "pans", "cups", "cutlery", "cutlary",
        "keuken", "pantry", "gootsteen",
    )),
    ("bedroom", "bedroom", ("bedroom", "bed", "slaapkamer", "dresser")),
    ("living", "living", (
        "living", "livingroom", "couch", "sofa", "seat", "tv", "den", "dining", "dinning", "diningroom",
        "woonkamer",
    )),
    ("hall", "hall", (
        "hall", "hallway", "entrance", "entryway", "foyer", "corridor", "maindoor", "front", "frontdoor",
    )),
)  # fmt: skip

# words that name a room, not a thing in it: only these make "Kitchen/Fridge" tell a room
_ROOM_NAMES = frozenset(
    ("bathroom", "toilet", "kitchen", "pantry", "bedroom", "living", "den", "dining", "dinning", "hall",
     "hallway", "entrance", "entryway", "foyer", "corridor", "office", "study", "garage", "laundry",
     "balcony", "garden", "basement", "attic", "keuken", "badkamer", "slaapkamer", "woonkamer")
)  # fmt: skip

_OUTER = frozenset(
    ("front", "frontdoor", "maindoor", "main", "entrance", "entryway", "foyer", "outer", "outside",
     "street", "back", "backdoor", "balcony", "garden")
)  # fmt: skip
_DOOR = frozenset(("door", "maindoor", "frontdoor", "backdoor"))
_INNER = frozenset(("cabinet", "cupboard", "fridge", "refrigerator", "freezer", "drawer", "closet", "oven",
                    "microwave", "dishwasher", "machine", "dryer", "box", "dresser"))  # fmt: skip
_BED = frozenset(("bed", "mattress"))
_SEAT = frozenset(("seat", "couch", "sofa", "chair", "armchair"))


def words(name: str) -> list[str]:
    """The words of a name, lower case.

    >>> words("KitchenASink"), words("mat bed right pressure mat")
    (['kitchen', 'a', 'sink'], ['mat', 'bed', 'right', 'pressure', 'mat'])
    """
    spaced = _CAMEL.sub(" ", name)
    return [w for w in _SPLIT.split(spaced.lower()) if w]


def slug(name: str) -> str:
    """A name as an identifier.

    >>> slug("Bathroom,Toilet Flush "), slug("Living/Seat"), slug("???")
    ('bathroom_toilet_flush', 'living_seat', 'sensor')
    """
    return "_".join(words(name)) or "sensor"


def room_of(name: str, room: str = "") -> tuple[str, str]:
    """Room and kind of room, from the log's own column if it has one, else from the sensor's name.

    >>> room_of("PIR keuken"), room_of("BedroomADoor", "BedroomA"), room_of("sensor4")
    (('kitchen', 'kitchen'), ('bedroom_a', 'bedroom'), ('', 'other'))
    """
    if not room and re.search(r"[,/]", name):
        front = re.split(r"[,/]", name)[0].strip()
        if _ROOM_NAMES & set(words(front)):
            room = front
    if room:
        told = words(room)
        kind = next((k for _, k, known in ROOMS if any(w in known for w in told)), "other")
        return slug(room), kind
    told = words(name)
    if is_outer_door(name):
        return "hall", "hall"
    for found, kind, known in ROOMS:
        if any(w in known for w in told):
            return found, kind
    return "", "other"


def is_outer_door(name: str, room: str = "") -> bool:
    """Does one leave the home through it?

    >>> is_outer_door("Entrance/Maindoor"), is_outer_door("Hall-Bedroom door"), is_outer_door("Door", "Foyer")
    (True, False, True)
    """
    told = set(words(f"{room} {name}"))
    return bool(told & _DOOR) and bool(told & _OUTER) and not told & _INNER


def contact_kind(name: str) -> str:
    """What opens: door, window or cupboard (with drawers, fridges, boxes)?"""
    told = set(words(name))
    if "window" in told:
        return "window"
    if told & _INNER or not told & _DOOR:
        return "cupboard"
    return "door"


def pressed_on(name: str) -> str:
    """What is a pressure sensor under: bed, seat, or "" for something else?"""
    told = set(words(name))
    return "bed" if told & _BED else "seat" if told & _SEAT else ""
