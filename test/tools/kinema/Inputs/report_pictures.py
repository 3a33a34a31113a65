"""Decodes every picture that a report holds, and counts the addresses outside it."""
import base64
import re
import struct
import sys
import xml.etree.ElementTree
import zlib

page = open(sys.argv[1], encoding="utf-8").read()
counts = {"svg+xml": 0, "png": 0}
for kind, text in re.findall(r'src="data:image/([a-z+]+);base64,([^"]*)"', page):
    data = base64.b64decode(text, validate=True)
    counts[kind] += 1
    if kind == "svg+xml":
        xml.etree.ElementTree.fromstring(data)
        continue
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, place = {}, 8
    while place < len(data):
        (length,) = struct.unpack(">I", data[place:place + 4])
        name, body = data[place + 4:place + 8], data[place + 8:place + 8 + length]
        (check,) = struct.unpack(">I", data[place + 8 + length:place + 12 + length])
        assert check == zlib.crc32(name + body)
        chunks[name], place = body, place + 12 + length
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    assert len(zlib.decompress(chunks[b"IDAT"])) == height * (1 + 3 * width) and b"IEND" in chunks
print("svg", counts["svg+xml"])
print("png", counts["png"])
print("outside", len(re.findall(r'(?:src|href)="(?!data:)', page)))
