"""Pictures over time: an animated PNG that is put together without decoding, and stays small."""

from __future__ import annotations

import struct
import zlib

import pytest

from orobuild.machine import animation, screen_recording
from orobuild.machine.screen_recording import ScreenRecording


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, colour, *, parts=1, header=b"\x08\x02\0\0\0"):
    """A PNG of one colour, its data in `parts` chunks."""
    data = zlib.compress((b"\0" + bytes(colour) * width) * height)
    step = -(-len(data) // parts)
    pieces = [chunk(b"IDAT", data[at : at + step]) for at in range(0, len(data), step)]
    size = struct.pack(">II", width, height)
    return animation.SIGNATURE + b"".join(
        [chunk(b"IHDR", size + header), chunk(b"tEXt", b"a\0b"), *pieces, chunk(b"IEND", b"")]
    )


RED, BLUE = (255, 0, 0), (0, 0, 255)


def chunks(data):
    at, found = len(animation.SIGNATURE), []
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert data[at + 8 + length : at + 12 + length] == struct.pack(
            ">I", zlib.crc32(kind + body)
        )
        found.append((kind, body))
        at += 12 + length
    return found


def pixels(data, width, height):
    rows = zlib.decompress(data)
    assert len(rows) == (3 * width + 1) * height
    return rows[1:4]


def test_frames_are_the_pictures_with_their_times():
    frames = [
        (animation.read(png(4, 3, RED, parts=3)), 0.5),
        (animation.read(png(8, 6, BLUE)), 2.25),
    ]

    found = chunks(b"".join(animation.assemble(frames)))

    kinds = [kind for kind, _ in found]
    assert kinds == [b"IHDR", b"acTL", b"IDAT", b"fcTL", b"fdAT", b"fcTL", b"fdAT", b"IEND"]
    assert found[0][1][:8] == struct.pack(">II", 8, 6)
    assert found[1][1] == struct.pack(">II", 2, 1)
    assert pixels(found[2][1], 8, 6) == bytes(BLUE)  # the still picture is the last
    controls = [struct.unpack(">IIIIIHHBB", body) for kind, body in found if kind == b"fcTL"]
    # The smaller one is cleared away before the larger comes.
    assert controls == [(0, 4, 3, 0, 0, 500, 1000, 1, 0), (2, 8, 6, 0, 0, 2250, 1000, 0, 0)]
    assert [struct.unpack(">I", found[n][1][:4])[0] for n in (4, 6)] == [1, 3]
    assert pixels(found[4][1][4:], 4, 3) == bytes(RED)
    assert pixels(found[6][1][4:], 8, 6) == bytes(BLUE)


def test_where_no_picture_is_as_large_as_all_the_still_one_is_black():
    frames = [(animation.read(png(4, 9, RED)), 1), (animation.read(png(9, 4, RED)), 1)]

    found = dict(chunks(b"".join(animation.assemble(frames))))

    assert pixels(found[b"IDAT"], 9, 9) == b"\0\0\0"


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"P6 4 3 255 ",
        png(4, 3, RED)[:-3],
        png(4, 3, RED)[:-12],
        png(4, 3, RED).replace(b"tEXta", b"tEXtb"),
        png(4, 3, RED, header=b"\x08\x06\0\0\0"),
        png(4, 3, RED)[:60] + b"\xff\xff\xff\xff",
    ],
)
def test_what_is_no_such_picture_is_refused(broken):
    with pytest.raises(animation.NotAPictureError):
        animation.read(broken)


class Screen:
    """Something whose screen can be asked for."""

    answers = True

    def __init__(self):
        self.picture = png(4, 3, RED)
        self.problem = None
        self.asked = 0

    def ask(self, name, then, *, filename, format):  # noqa: A002
        assert (name, format) == ("screendump", "png")
        self.asked += 1
        with open(filename, "wb") as file:  # noqa: PTH123
            file.write(self.picture)
        then({}, self.problem)


def test_equal_pictures_count_once_and_nothing_is_left(tmp_path):
    screen, recording = Screen(), ScreenRecording(tmp_path)
    recording.begins(screen)
    for turn in range(8):
        if turn == 6:
            screen.picture = png(4, 3, BLUE)
        recording.turn(turn * screen_recording.INTERVAL)

    found = chunks(b"".join(recording.parts(4.0)))

    assert screen.asked == 8
    delays = [struct.unpack(">H", body[20:22])[0] for kind, body in found if kind == b"fcTL"]
    assert delays == [3000, 1000]
    assert list(tmp_path.iterdir()) == []


def test_a_long_recording_is_thinned(tmp_path):
    screen, recording = Screen(), ScreenRecording(tmp_path)
    recording.begins(screen)
    seconds = 0.0
    for number in range(1000):
        screen.picture = png(4, 3, (number >> 8, number & 255, 0))
        seconds = max(recording.turn(seconds), seconds)

    found = chunks(b"".join(recording.parts(seconds)))

    assert sum(kind == b"fcTL" for kind, _ in found) <= 240
    assert pixels(found[2][1], 4, 3) == bytes((999 >> 8, 999 & 255, 0))  # the last is kept


def test_a_machine_that_has_no_picture_says_why(tmp_path):
    screen, recording = Screen(), ScreenRecording(tmp_path)
    screen.problem = "PNG support is not enabled"
    recording.begins(screen)
    recording.turn(0.0)
    recording.turn(10.0)

    assert screen.asked == 1
    assert recording.problem == "PNG support is not enabled"
    assert recording.parts(1.0) == ()
