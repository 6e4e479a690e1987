"""Which other frame lends what a frame hides.

An eye that is shut and asked to be open needs an eyeball, an open one asked to shut needs a lid, and so do lips that
part or meet. Where what is asked differs enough from what is seen, the clip is cut into *stretches*, and each gets the
page of the album (`stages.render.album`) that fits it best: the opening shaped as it is asked to be, the head turned
alike, the eyes looking where they look before and after, near in time because light and make-up change slowly. Within
a stretch the page stays the same, and a stretch begins and ends where nothing of it is seen yet, so nothing pops.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.contract import ClipStage, Timeline
from stages.errors import ConfigError
from stages.expression import basis, pose
from stages.expression.occlusion import REGIONS
from stages.expression.trust import hidden
from stages.faces import layouts
from stages.packets import Cues, Donor, Donors, Faces, Floats, Page, Pages, Stamp, Units
from stages.render import mesh

GROUPS: Final = ((0, 1), (2,))
"""Openings that are lent together: two eyes from one page, or they would look in two directions."""

REACH: Final = 0.3
"""Interocular distances around an opening that a donor shows."""

_TOLD: Final = ((0.005, 0.025), (0.008, 0.05))
"""For eyes and mouth, interocular distances of opening that nobody sees change, and that call for a donor."""

_GAPING: Final = (1.15, 2.0)
"""Eyes and mouth may grow so many times by moving alone: a mouth that is open shows its own teeth best."""

_LOOK: Final = 0.035
_SHAPE: Final = (0.02, 0.03)
_TURN: Final = 9.0
_AWAY: Final = 4.0
"""What weighs 1: interocular distances of gaze, of shape (eyes, mouth), degrees of turn, seconds."""

_MORE: Final = 0.4
"""How much of the way from what is seen to what is asked a page must show."""

_AJAR: Final = 0.015
"""Interocular distances by which a page may be more open than an opening that is asked to shut."""

_REGIONS: Final = ((REGIONS.index("eye_right"), REGIONS.index("eye_left")), (REGIONS.index("mouth"),))
_CLEAR: Final = np.zeros(len(REGIONS), np.float32)
_COVERED: Final = 0.5
"""How surely something must lie over a page's eyes or mouth for it not to be lent."""

_HAND: Final = 1.5
"""What it weighs if something surely lies over another part of the face: it may reach further than was seen."""

_WORSE: Final = 3.0
"""A page that fits worse than this in shape is not lent at all."""


@dataclass(frozen=True, slots=True, eq=False)
class _Card:
    """A page as the chooser sees it, without its pixels: where it lies, its face in face space, (478, 3), and what
    covers it, (len(REGIONS),) 0..1.
    """

    frame: int
    place: int
    seconds: float
    face: Floats
    turned: Floats
    covered: Floats


_Loan = tuple[int, int, _Card]
"""Track, group, page."""


@dataclass
class _Course:
    """One track over the clip, an entry a frame that shows it.

    frames, seconds: when. face, asked: `_points` in face space as they are and as asked, (n, 3). turned: (3,) degrees.
    """

    frames: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    face: list[Floats] = field(default_factory=list)
    asked: list[Floats] = field(default_factory=list)
    turned: list[Floats] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Entries first..last (last not included) of a course in which a group is opened (or shut) beyond what is seen."""

    first: int
    last: int
    opens: bool


@dataclass(frozen=True, kw_only=True)
class ChooseDonors(ClipStage):
    """A donor for every stretch of frames in which an opening is asked to be another than it is.

    longest: seconds; a longer stretch is cut where little is to be seen, if other pages then fit better. keep: 0..1,
    how much worse than the best a page may fit that was lent just before.
    """

    longest: float = 2.0
    keep: float = 0.25

    def __post_init__(self) -> None:
        if not self.longest > 0:
            raise ConfigError(f"longest must be above 0 seconds, not {self.longest}")
        if not 0 <= self.keep <= 1:
            raise ConfigError(f"keep must be 0..1, not {self.keep}")

    def process(
        self,
        faces: Timeline[Faces],
        units: Timeline[Units],
        asked: Timeline[Units],
        pages: Timeline[Pages] | None,
        cues: Timeline[Cues] | None,
    ) -> Iterator[Donors | None]:
        """The same packet as long as the same donors serve; None where none does, and in a clip without an album."""
        if pages is None:
            yield from (None for _ in faces)
            return
        cards = _cards(pages, cues)
        lent: list[tuple[_Loan, ...]] = [()] * len(faces)
        for track, course in _courses(faces, units, asked).items():
            for group in range(len(GROUPS)):
                for stretch, card in self._choices(course, group, cards.get(track, [])):
                    for frame in course.frames[stretch.first : stretch.last]:
                        lent[frame] = (*lent[frame], (track, group, card))
        yield from _packets(lent, pages, faces)

    def _choices(self, course: _Course, group: int, cards: list[_Card]) -> Iterator[tuple[_Stretch, _Card]]:
        """The stretches of a group, each with its page; those that no page fits are left out."""
        need = _need(course, group)
        before: _Card | None = None
        for stretch in _stretches(need, _TOLD[group]):
            for part in self._parts(course, group, cards, stretch, need):
                costs = _costs(course, group, part, need, cards)
                if costs and min(costs) < np.inf:
                    best = cards[int(np.argmin(costs))]
                    if before is not None and costs[cards.index(before)] <= min(costs) * (1 + self.keep):
                        best = before
                    before = best
                    yield part, best

    def _parts(
        self, course: _Course, group: int, cards: list[_Card], whole: _Stretch, need: Floats
    ) -> Iterator[_Stretch]:
        """A long stretch cut where least is asked, if that brings pages that fit clearly better."""
        first, last = whole.first, whole.last
        quarter = (last - first) // 4
        if course.seconds[last - 1] - course.seconds[first] > self.longest and quarter:
            cut = first + quarter + int(np.abs(need[first + quarter : last - quarter]).argmin())
            halves = _Stretch(first, cut, whole.opens), _Stretch(cut, last, whole.opens)
            costs = [_costs(course, group, part, need, cards) for part in (whole, *halves)]
            if cards and max(min(costs[1]), min(costs[2])) < 0.7 * min(costs[0]):
                for half in halves:
                    yield from self._parts(course, group, cards, half, need)
                return
        yield whole


def _cards(pages: Timeline[Pages], cues: Timeline[Cues] | None) -> dict[int, list[_Card]]:
    found: dict[int, list[_Card]] = {}
    for frame, packet in enumerate(pages):
        if packet is None:
            continue
        seen = cues[frame] if cues is not None else None
        for place, page in enumerate(packet.pages):
            face = pose.fit(page.landmarks, basis.load().mean).to_face(page.landmarks)
            known = seen is not None and page.track in seen.tracks
            row = hidden(seen.covered[seen.tracks.index(page.track)]) if known and seen is not None else _CLEAR
            card = _Card(frame, place, packet.at.seconds, face, page.pose, row)
            found.setdefault(page.track, []).append(card)
    return found


def _courses(faces: Timeline[Faces], units: Timeline[Units], asked: Timeline[Units]) -> dict[int, _Course]:
    """Every track that something is asked of."""
    courses: dict[int, _Course] = {}
    for frame, (seen, now, then) in enumerate(zip(faces, units, asked, strict=True)):
        if seen is None or now is None or then is None or then is now:
            continue
        values = {face.track: face.values for face in now.faces}
        wanted = {face.track: face.values for face in then.faces}
        for face in seen.faces:
            if face.track not in values or face.track not in wanted:
                continue
            head = pose.of(face.landmarks)
            rims, delta = head.to_face(face.landmarks)[_points()], wanted[face.track] - values[face.track]
            course = courses.setdefault(face.track, _Course())
            course.frames.append(frame)
            course.seconds.append(seen.at.seconds)
            course.face.append(rims)
            course.asked.append(rims + np.tensordot(delta, _displacement(), 2))
            course.turned.append(head.angles)
    return courses


@cache
def _points() -> NDArray[np.int32]:
    """The points that matter here: rims, lips and iris centres."""
    rims = [np.array(sorted(opening.rim), np.int32) for opening in mesh.OPENINGS]
    irises = np.array([layouts.RIGHT_IRIS[0], layouts.LEFT_IRIS[0]], np.int32)
    points: NDArray[np.int32] = np.unique(np.concatenate([*rims, layouts.LIPS_OUTER, irises]))
    return points


def _rows(points: NDArray[np.int32] | list[int]) -> NDArray[np.intp]:
    """Where these points stand among `_points`."""
    return np.searchsorted(_points(), points)


@cache
def _displacement() -> Floats:
    moved: Floats = basis.load().displacement[:, :, _points()]
    return moved


def gap(face: Floats, k: int) -> float:
    """Mean opening of opening k in its middle, interocular distances; face: `_points` in face space, (n, 3)."""
    opening = mesh.OPENINGS[k]
    middle = slice(opening.columns // 4, opening.columns - opening.columns // 4)
    return float((face[_rows(opening.lower[middle]), 1] - face[_rows(opening.upper[middle]), 1]).mean())


def _need(course: _Course, group: int) -> Floats:
    """(n,) how far openings are asked to open (above 0) or to shut beyond what moving skin shows."""
    need = np.zeros(len(course.frames), np.float32)
    for k in GROUPS[group]:
        now = np.maximum([gap(face, k) for face in course.face], 0)
        then = np.maximum([gap(face, k) for face in course.asked], 0)
        more = np.where(then > now, np.maximum(then - _GAPING[group] * now, 0), np.minimum(then - now, 0))
        need = np.where(np.abs(more) > np.abs(need), more, need)
    return need.astype(np.float32)


def _stretches(need: Floats, told: tuple[float, float]) -> list[_Stretch]:
    """Runs of one sign in which `need` rises to told[1]; they reach to where it falls below told[0]."""
    found = []
    for opens in (True, False):
        wanted = need if opens else -need
        inside = np.concatenate([[False], wanted > told[0], [False]])
        edges = np.flatnonzero(inside[1:] != inside[:-1])
        runs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
        found += [_Stretch(a, b, opens) for a, b in runs if wanted[a:b].max() > told[1]]
    return sorted(found, key=lambda stretch: stretch.first)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a stretch wants of a page: means over its frames, those counting most in which most is missing.

    now, asked: `_points` in face space. turned: (3,) degrees. look: (2,) where the eyes look right before and after
    the stretch; None where that does not matter.
    """

    opens: bool
    now: Floats
    asked: Floats
    turned: Floats
    seconds: float
    look: Floats | None


def _costs(course: _Course, group: int, part: _Stretch, need: Floats, cards: list[_Card]) -> list[float]:
    """How badly each page fits a stretch."""
    if not cards:
        return []
    span = slice(part.first, part.last)
    weight = np.square(np.abs(need[span]) / np.abs(need[span]).max() + 1e-6)
    weight /= weight.sum()
    face, asked, turned = (
        np.tensordot(weight, np.stack(of[span]), 1).astype(np.float32)
        for of in (course.face, course.asked, course.turned)
    )
    around = [course.face[i] for i in (part.first - 1, part.last) if 0 <= i < len(course.face)]
    looks = group == 0 and part.opens and around
    look = np.mean([_gaze(one) for one in around], 0) if looks else None
    wish = _Wish(part.opens, face, asked, turned, float(weight @ np.array(course.seconds[span])), look)
    return [_cost(wish, group, card) for card in cards]


def _cost(wish: _Wish, group: int, card: _Card) -> float:
    """How badly a page fits; infinite if it does not show what is missing."""
    page = card.face[_points()]
    shape = _unlike(page, wish.asked, group) / _SHAPE[group]
    if shape > _WORSE or card.covered[list(_REGIONS[group])].max() > _COVERED:
        return float(np.inf)
    if not all(_shows(gap(page, k), gap(wish.now, k), gap(wish.asked, k)) for k in GROUPS[group]):
        return float(np.inf)
    turn = float(np.linalg.norm((wish.turned - card.turned)[:2])) / _TURN
    away = abs(wish.seconds - card.seconds) / _AWAY
    look = float(np.linalg.norm(_gaze(page) - wish.look)) / _LOOK if wish.look is not None else 0.0
    ajar = 0.0 if wish.opens else max(gap(page, k) for k in GROUPS[group]) / _SHAPE[group]
    hand = _HAND * float(card.covered.max())
    return shape + turn + look + ajar + hand + min(away, 1.0) / 2


def _shows(lent: float, now: float, asked: float) -> bool:
    """Whether an opening of `lent` shows what one of `now` hides and one of `asked` wants seen."""
    return lent > now + _MORE * (asked - now) if asked > now else lent < max(asked, 0.0) + _AJAR


def _unlike(page: Floats, asked: Floats, group: int) -> float:
    """Root mean square distance between a group's rims, each opening centred; interocular distances."""
    total = 0.0
    for k in GROUPS[group]:
        opening = mesh.OPENINGS[k]
        rows = _rows(np.concatenate([opening.upper, opening.lower, opening.corners]))
        one, two = page[rows, :2], asked[rows, :2].copy()
        apart = one - one.mean(0) - (two - two.mean(0))
        total += float(np.square(apart).sum(1).mean())
    return float(np.sqrt(total / len(GROUPS[group])))


def _gaze(face: Floats) -> Floats:
    """(2,) mean of both irises over the corners of their eyes."""
    irises = face[_rows([int(layouts.RIGHT_IRIS[0]), int(layouts.LEFT_IRIS[0])]), :2]
    corners = face[_rows([*mesh.RIGHT_EYE.corners, *mesh.LEFT_EYE.corners]), :2]
    look: Floats = irises.mean(0) - corners.mean(0)
    return look


def _packets(lent: list[tuple[_Loan, ...]], pages: Timeline[Pages], faces: Timeline[Faces]) -> Iterator[Donors | None]:
    before: tuple[_Loan, ...] = ()
    packet: Donors | None = None
    for frame, wanted in enumerate(lent):
        if not wanted:
            yield None
            continue
        if packet is None or [(t, g, id(c)) for t, g, c in wanted] != [(t, g, id(c)) for t, g, c in before]:
            before, at = wanted, faces[frame].at  # type: ignore[union-attr]
            packet = _packet(at, wanted, pages)
        yield packet


def _packet(at: Stamp, wanted: tuple[_Loan, ...], pages: Timeline[Pages]) -> Donors:
    donors = []
    for _, group, card in wanted:
        page = pages[card.frame].pages[card.place]  # type: ignore[union-attr]
        donors += [donor(page, k) for k in GROUPS[group]]
    return Donors(at, tuple(donors))


def donor(page: Page, k: int) -> Donor:
    """What a page lends for opening k: its surroundings, and where the mesh lies in them."""
    x0, y0, x1, y1 = page.box
    scale = np.array([page.pixels.shape[1] / (x1 - x0), page.pixels.shape[0] / (y1 - y0)], np.float32)
    unit = pose.fit(page.landmarks, basis.load().mean).scale
    # Pixel centres: half a pixel of the frame is half a pixel of the page times its scale.
    points = (mesh.place(page.landmarks[:, :2], unit) - np.array([x0, y0], np.float32) + 0.5) * scale - 0.5
    rim = points[sorted(mesh.OPENINGS[k].rim)]
    reach = REACH * unit * float(scale.mean())
    low = np.maximum(np.floor(rim.min(0) - reach), 0).astype(int)
    high = np.minimum(np.ceil(rim.max(0) + reach), np.array(page.pixels.shape[1::-1]) - 1).astype(int) + 1
    pixels = np.ascontiguousarray(page.pixels[low[1] : high[1], low[0] : high[0]])
    return Donor(page.track, k, pixels, (points - low).astype(np.float32))
