"""JPEG files of each form that the reader tells apart, and what libjpeg makes of them. Writes beside itself.

Run: python3 e2e/pictures/make.py   (needs Pillow; made with Debian 12's python3-pil)
"""

import json
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
WIDTH, HEIGHT = 20, 12  # no multiple of a block's 8 pixels


def scene():
    """Smooth, so that the decoders' ways of widening colour differ little; each corner has its own colour."""
    image = Image.new("RGB", (WIDTH, HEIGHT))
    for y in range(HEIGHT):
        for x in range(WIDTH):
            image.putpixel((x, y), (30 + 10 * x, 40 + 15 * y, 220 - 5 * x - 6 * y))
    return image


def orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif.tobytes()


FILES = {
    "baseline": (scene(), {"subsampling": 0}),
    "subsampled": (scene(), {"subsampling": 2}),
    "progressive": (scene(), {"subsampling": 0, "progressive": True}),
    "grey": (scene().convert("L"), {}),
    "grey-progressive": (scene().convert("L"), {"progressive": True}),
    "turned": (scene(), {"subsampling": 0, "exif": orientation(6)}),
    "cmyk": (scene().convert("CMYK"), {}),
}

expected = {}
for name, (image, options) in FILES.items():
    path = HERE / f"{name}.jpg"
    image.save(path, quality=90, optimize=True, **options)
    decoded = Image.open(path)
    if decoded.mode != "CMYK":
        expected[name] = list(decoded.convert("RGB").tobytes())

(HERE / "expected.json").write_text(json.dumps(expected) + "\n")
