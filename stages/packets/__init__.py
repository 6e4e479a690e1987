"""What travels on the wires: packets with integer time.

A packet is a frozen dataclass that checks its shapes once and prints them instead of its pixels. Absence is a value:
a wire carries `None` for a frame without a face, and whatever depends on it is skipped.
"""

from stages.packets.base import Bytes, Floats, Packet, Stamp
from stages.packets.clip import Clip, Colour, Frame, Job
from stages.packets.delivery import FrameHash, Pair
from stages.packets.faces import Cues, Face, Faces, Neutral, Neutrals, Scores
from stages.packets.identity import Cover, Covers, Prints, Role, Roles
from stages.packets.quality import FACE_SCORES, Quality
from stages.packets.render import (
    Donor,
    Donors,
    Edit,
    Edits,
    Motion,
    Motions,
    Moved,
    Page,
    Pages,
    Painted,
    Plain,
    Plains,
    Region,
    Texture,
    Textures,
)
from stages.packets.restoration import RESTORED, Restored, Restraints
from stages.packets.units import Events, FaceUnits, MicroEvent, Units

__all__ = [
    "FACE_SCORES",
    "RESTORED",
    "Bytes",
    "Clip",
    "Colour",
    "Cover",
    "Covers",
    "Cues",
    "Donor",
    "Donors",
    "Edit",
    "Edits",
    "Events",
    "Face",
    "FaceUnits",
    "Faces",
    "Floats",
    "Frame",
    "FrameHash",
    "Job",
    "MicroEvent",
    "Motion",
    "Motions",
    "Moved",
    "Neutral",
    "Neutrals",
    "Packet",
    "Page",
    "Pages",
    "Painted",
    "Pair",
    "Plain",
    "Plains",
    "Prints",
    "Quality",
    "Region",
    "Restored",
    "Restraints",
    "Role",
    "Roles",
    "Scores",
    "Stamp",
    "Texture",
    "Textures",
    "Units",
]
