"""Which image format bytes are in, by their first bytes: what a client claims is not believed."""

UNKNOWN = "application/octet-stream"

# API Gateway passes only listed types on unharmed, so requests must name one of these.
BINARY_TYPES = [
    "image/png",
    "image/jpeg",
    "image/jpg",
    "image/webp",
    "image/gif",
    "image/bmp",
    "image/x-ms-bmp",
    "image/tiff",
    UNKNOWN,
]

_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"BM": "image/bmp",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
    b"II\x00*": "image/tiff",  # as some cameras write it
    b"MM*\x00": "image/tiff",
    b"II+\x00": "image/tiff",  # BigTIFF
    b"MM\x00+": "image/tiff",
}


def media_type_of(content: bytes) -> str:
    """Return the media type of an image's bytes; `UNKNOWN` where they are of no known format."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    for signature, media_type in _SIGNATURES.items():
        if content.startswith(signature):
            return media_type
    return UNKNOWN
