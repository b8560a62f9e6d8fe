#!/usr/bin/env python3
"""Renders assets/sockeye.png, the picture that `sockeye demo` moves: three sockeye salmon leaping over waves at sunset.

Deterministic, standard library only. The picture is dedicated to the public domain (CC0 1.0).

    scripts/make-picture.py [FILE]
"""

import math
import struct
import sys
import zlib

WIDTH, HEIGHT = 1200, 800


def mix(a, b, t):
    return tuple(x + (y - x) * t for x, y in zip(a, b))


def clamp(value, low=0.0, high=1.0):
    return max(low, min(high, value))


def smooth(low, high, value):
    t = clamp((value - low) / (high - low))
    return t * t * (3 - 2 * t)


def grain(x, y, seed):
    """A number in [0, 1) that depends on the three alone."""
    h = (x * 374761393 + y * 668265263 + seed * 2147483647) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((h ^ (h >> 16)) & 0xFFFF) / 65536


def noise(x, y, seed):
    """Value noise."""
    ix, iy = math.floor(x), math.floor(y)
    fx, fy = smooth(0, 1, x - ix), smooth(0, 1, y - iy)
    top = grain(ix, iy, seed) * (1 - fx) + grain(ix + 1, iy, seed) * fx
    low = grain(ix, iy + 1, seed) * (1 - fx) + grain(ix + 1, iy + 1, seed) * fx
    return top * (1 - fy) + low * fy


# --- sky, mountains, sea -------------------------------------------------------------------------------------------

SUN = (500.0, 262.0)


def sky(x, y):
    t = clamp(y / 470)
    colour = mix((38, 44, 92), (122, 84, 140), smooth(0.0, 0.5, t))
    colour = mix(colour, (246, 150, 108), smooth(0.35, 0.85, t))
    colour = mix(colour, (255, 208, 138), smooth(0.75, 1.0, t))
    distance = math.hypot(x - SUN[0], y - SUN[1])
    colour = mix(colour, (255, 226, 160), 0.75 * math.exp(-distance / 150))
    colour = mix(colour, (255, 246, 220), 1 - smooth(57, 60, distance))
    cloud = noise(x / 210, y / 34, 1) * 0.6 + noise(x / 90, y / 15, 2) * 0.4
    band = smooth(0.52, 0.80, cloud) * smooth(40, 140, y) * (1 - smooth(330, 440, y))
    return mix(colour, (255, 178, 150), 0.55 * band)


def ridge(x, base, height, scale, seed):
    rough = noise(x / scale, 7, seed) + 0.5 * noise(x / scale * 2.3, 3, seed + 1) + 0.22 * noise(x / scale * 6, 5, seed + 2)
    return base - height * rough / 1.72


RIDGES = [
    [ridge(x, 452, 210, 210, 11) for x in range(WIDTH)],
    [ridge(x, 462, 130, 130, 21) for x in range(WIDTH)],
]
RIDGE_COLOURS = [((118, 92, 142), (204, 142, 142)), ((70, 62, 112), (128, 92, 128))]


def wave_line(x, layer):
    base, size, length, phase = layer
    swing = math.sin(x / length + phase) + 0.45 * math.sin(x / length * 2.1 + phase * 1.7)
    return base + size * swing + size * 0.8 * (noise(x / length * 0.9, phase, 31) - 0.5)


WAVES = [  # (base line, size, length, phase), far to near
    (452, 2, 50, 0.4),
    (486, 5, 70, 2.1),
    (528, 9, 95, 4.4),
    (584, 14, 125, 0.9),
    (650, 20, 160, 3.3),
    (728, 26, 205, 5.2),
]
LINES = [[wave_line(x, wave) for x in range(WIDTH)] for wave in WAVES]
DEEP = [(150, 112, 138), (96, 98, 146), (54, 92, 142), (30, 78, 126), (20, 62, 106), (12, 44, 82)]


def sea(x, y, layer):
    """Colour of one layer of water at a depth below its crest."""
    depth = y - LINES[layer][x]
    colour = mix(DEEP[layer], DEEP[min(layer + 1, len(DEEP) - 1)], clamp(depth / 90))
    ripple = noise(x / (16 + 12 * layer), y / (3 + 1.6 * layer), 40 + layer)
    glow = math.exp(-abs(x - SUN[0]) / (70 + 34 * layer)) * smooth(0.50, 0.78, ripple)
    colour = mix(colour, (255, 204, 142), (0.85 - 0.10 * layer) * glow)
    colour = mix(colour, (176, 214, 224), 0.20 * smooth(0.62, 0.9, ripple) * (1 - glow))
    crest = math.exp(-max(depth, 0) / (1.6 + 0.9 * layer))
    return mix(colour, (250, 236, 220), 0.75 * crest)


# --- fish ------------------------------------------------------------------------------------------------------------

RED, DARK_RED, GREEN, PALE = (206, 52, 42), (128, 22, 34), (58, 94, 72), (244, 150, 110)


def half_height(u):
    """Half the height of the body at u from the nose (0) to the root of the tail (1), in body lengths."""
    if not 0 <= u <= 1:
        return -1.0
    front = math.sqrt(clamp(u / 0.42)) if u < 0.42 else 1.0
    hump = 0.030 * math.exp(-((u - 0.34) / 0.15) ** 2)
    taper = 1 - 0.80 * smooth(0.42, 1.0, u)
    return (0.135 * front + hump) * taper


def fins(u, v):
    """How much of the point (u, v), v positive downwards, a fin covers."""
    shapes = [
        # (root begin, root end, tip u, tip v): triangles with a soft edge
        (0.40, 0.56, 0.60, -0.225),  # back
        (0.80, 0.86, 0.92, -0.085),  # adipose
        (0.54, 0.64, 0.70, 0.180),  # belly
        (0.72, 0.84, 0.88, 0.140),  # anal
        (0.26, 0.34, 0.42, 0.215),  # breast
    ]
    best = 0.0
    for begin, end, tip_u, tip_v in shapes:
        edge = 0.8 * max(half_height(u), 0)
        if v * tip_v <= 0 or abs(v) < edge or abs(tip_v) <= edge:
            continue
        t = (abs(v) - edge) / (abs(tip_v) - edge)
        if t > 1:
            continue
        left = begin + (tip_u - begin) * t ** 0.85
        right = end + (tip_u - end) * t ** 1.7
        best = max(best, smooth(-0.006, 0.006, min(u - left, right - u)))
    if 0.97 < u < 1.22:  # tail, forked
        t = (u - 0.97) / 0.25
        spread = 0.030 + 0.165 * t ** 1.15
        notch = 1.15 - 0.42 * (1 - clamp(abs(v) / 0.19)) ** 1.2
        if t < notch - 0.15:
            best = max(best, smooth(-0.006, 0.006, spread - abs(v)))
    return best


def fish_pixel(u, v):
    """Colour and cover of a fish at body coordinates, or None."""
    half = half_height(u)
    body = smooth(-0.006, 0.006, half - abs(v)) if half > 0 else 0.0
    fin = fins(u, v)
    if body <= 0 and fin <= 0:
        return None
    height = clamp(v / half, -1, 1) if half > 0 else 0.0
    rays = 0.5 + 0.5 * math.sin(90 * u + 60 * v)
    fin_colour = mix(DARK_RED, RED, 0.25 + 0.55 * rays)
    shade = mix(RED, DARK_RED, smooth(0.05, -0.95, height) * 0.85)
    shade = mix(shade, PALE, 0.75 * smooth(0.45, 1.0, height))
    shade = mix(shade, (255, 196, 160), 0.55 * math.exp(-((height + 0.35) / 0.16) ** 2) * smooth(0.2, 0.4, u))
    row, column = math.floor(v * 95), u * 80
    scale = math.hypot((column + 0.5 * (row % 2)) % 1 - 0.5, (v * 95) % 1 - 0.5)
    shade = mix(shade, DARK_RED, 0.22 * smooth(0.38, 0.6, scale) * smooth(0.22, 0.3, u))
    head = 1 - smooth(0.195, 0.215, u + 0.035 * height * height)
    crown = mix(GREEN, (28, 52, 48), smooth(0.0, -0.9, height))
    crown = mix(crown, (206, 208, 178), smooth(0.25, 0.95, height))
    shade = mix(shade, crown, head)
    gill = math.exp(-((u + 0.035 * height * height - 0.205) / 0.007) ** 2)
    shade = mix(shade, (32, 28, 30), 0.7 * gill)
    mouth = math.exp(-((v - 0.018 - 0.25 * u) / 0.004) ** 2) * (1 - smooth(0.085, 0.10, u))
    shade = mix(shade, (24, 24, 26), 0.9 * mouth)
    eye = math.hypot(u - 0.105, v + 0.030)
    shade = mix(shade, (246, 214, 120), 1 - smooth(0.0175, 0.0205, eye))
    shade = mix(shade, (14, 14, 18), 1 - smooth(0.0100, 0.0125, eye))
    shade = mix(shade, (255, 255, 255), 1 - smooth(0.0030, 0.0050, math.hypot(u - 0.101, v + 0.035)))
    colour = mix(fin_colour, shade, body) if fin > 0 else shade
    return colour, max(body, fin * 0.93)


FISH = [  # (centre x, centre y, length, angle, bend, wave layer it stands before)
    (905, 428, 150, -0.42, 0.9, 2),
    (300, 412, 250, -0.62, 0.8, 3),
    (640, 430, 400, -0.50, 0.75, 4),
]


def fish(x, y, which):
    """Colour and cover of one fish at a pixel. The body lies on an arc: nose up, tail behind."""
    cx, cy, length, angle, bend, _ = FISH[which]
    dx, dy = x - cx, y - cy
    if dx * dx + dy * dy > (0.95 * length) ** 2:
        return None
    cos, sin = math.cos(angle), math.sin(angle)
    along, across = (dx * cos + dy * sin) / length, (dy * cos - dx * sin) / length
    # The fish looks to the right; u runs from the nose backwards along an arc of curvature `bend`.
    radius = 1 / bend
    u = 0.5 - radius * math.atan2(along, radius + across)
    v = math.hypot(along, radius + across) - radius
    return fish_pixel(u, v)


# --- drops -----------------------------------------------------------------------------------------------------------


def make_drops():
    drops = []
    for number in range(260):
        which = number % 3
        cx, cy, length, angle, _, layer = FISH[which]
        root_x = cx - 0.50 * length * math.cos(angle)
        water = LINES[layer][int(clamp(root_x, 0, WIDTH - 1))]
        a, b, c = grain(number, 1, 77), grain(number, 2, 77), grain(number, 3, 77)
        spread = (a - 0.5) * length * 0.85
        rise = b * b * length * 0.42 * math.exp(-(spread / (0.34 * length)) ** 2)
        drops.append((root_x + spread, water + 6 - rise, 0.8 + (0.010 * length) * c * c + 0.6 * c))
    return drops


def drop_map():
    cover = {}
    for x0, y0, radius in make_drops():
        reach = int(radius) + 2
        for y in range(int(y0) - reach, int(y0) + reach + 1):
            for x in range(int(x0) - reach, int(x0) + reach + 1):
                value = 1 - smooth(radius - 0.7, radius + 0.7, math.hypot(x - x0, y - y0))
                if value > cover.get((x, y), 0):
                    cover[x, y] = value
    return cover


# --- picture ---------------------------------------------------------------------------------------------------------


def pixel(x, y, drops):
    colour = sky(x, y)
    for line, (top, bottom) in zip(RIDGES, RIDGE_COLOURS):
        cover = smooth(-0.8, 0.8, y - line[x])
        if cover > 0:
            slope = 0.12 * (noise(x / 18, y / 26, 51) - 0.5)
            colour = mix(colour, mix(top, bottom, clamp((y - line[x]) / 170 + slope)), cover)
    for layer in range(len(WAVES)):
        for which, (*_, stands_before) in enumerate(FISH):
            if stands_before == layer and (found := fish(x, y, which)):
                colour = mix(colour, found[0], found[1])
        cover = smooth(-0.8, 0.8, y - LINES[layer][x])
        if cover > 0:
            colour = mix(colour, sea(x, y, layer), cover)
    colour = mix(colour, (255, 244, 230), 0.85 * drops.get((x, y), 0))
    fade = 1 - 0.28 * (((x / WIDTH - 0.5) * 1.3) ** 2 + ((y / HEIGHT - 0.5) * 1.2) ** 2)
    dither = grain(x, y, 99) - 0.5
    return bytes(int(clamp(channel * fade + dither, 0, 255)) for channel in colour)


def png(rows):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    raw = bytearray()
    above = bytes(WIDTH * 3)
    for row in rows:  # the Paeth filter of PNG's specification, section 9.4
        raw.append(4)
        for i, value in enumerate(row):
            left = row[i - 3] if i >= 3 else 0
            up, corner = above[i], above[i - 3] if i >= 3 else 0
            estimate = left + up - corner
            by_left, by_up, by_corner = abs(estimate - left), abs(estimate - up), abs(estimate - corner)
            guess = left if by_left <= by_up and by_left <= by_corner else up if by_up <= by_corner else corner
            raw.append((value - guess) & 0xFF)
        above = row
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    about = b"Title\0Sockeye salmon leaping at sunset (CC0)"
    parts = [(b"IHDR", header), (b"tEXt", about), (b"IDAT", zlib.compress(bytes(raw), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)


def main():
    target = sys.argv[1] if len(sys.argv) > 1 else "assets/sockeye.png"
    drops = drop_map()
    rows = [b"".join(pixel(x, y, drops) for x in range(WIDTH)) for y in range(HEIGHT)]
    with open(target, "wb") as out:
        out.write(png(rows))


if __name__ == "__main__":
    main()
