"""How people find a service by the words that they have for it: `e-KTP`, `ektp`, `kartu tanda penduduk`.

`static/public.js` folds what is typed in the same way; what stands for what is in the page's own texts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# Everyday names of what the counters of such a building give; any of them finds a counter that has another.
_ALIKE = (
    ("KTP-el", "KTP", "e-KTP", "KTP elektronik", "kartu tanda penduduk"),
    ("KK", "kartu keluarga"),
    ("KIA", "kartu identitas anak"),
    ("akta", "akte", "surat lahir"),
    ("SIM", "surat izin mengemudi"),
    ("STNK", "pajak kendaraan", "pajak kendaraan bermotor", "pajak kendaraan tahunan", "Samsat"),
    ("SKCK", "surat keterangan catatan kepolisian", "surat kelakuan baik"),
    ("paspor", "passport", "pasport", "e-paspor"),
    ("NIB", "nomor induk berusaha", "OSS", "izin usaha"),
    ("PBG", "IMB", "persetujuan bangunan gedung", "izin mendirikan bangunan"),
    ("PBB", "pajak bumi dan bangunan"),
    ("BPHTB", "bea perolehan hak atas tanah dan bangunan"),
    ("NPWP", "nomor pokok wajib pajak"),
    ("AK-1", "kartu kuning", "kartu pencari kerja"),
    ("BPJS", "jaminan kesehatan", "JKN", "KIS"),
    ("sertipikat", "sertifikat"),
)  # fmt: skip
_JOINED = re.compile("[-‐‑–.'’]")


def folded(text: str) -> str:
    """`KTP-él` as `ktpel`: without case, diacritics, and what stands within words."""
    plain = unicodedata.normalize("NFKD", _JOINED.sub("", text))
    return "".join(one for one in plain if not unicodedata.combining(one)).casefold()


_FOLDED = tuple(tuple(folded(name) for name in names) for names in _ALIKE)
_SPOKEN = tuple(re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b") for names in _FOLDED)


def findable(text: str) -> str:
    """What a counter is found by: its own words, folded, and the other names of what it gives."""
    own = folded(text)
    # A joiner also stands between two services: `SIM-STNK`.
    apart = folded(_JOINED.sub(" ", text))
    others = (
        name
        for spoken, names in zip(_SPOKEN, _FOLDED, strict=True)
        if spoken.search(own) or spoken.search(apart)
        for name in names
    )
    return " ".join(dict.fromkeys((own, apart, *others)))


def wanted(q: str) -> Sequence[str]:
    """The words that somebody looks for, all of which must be found."""
    return folded(q).split()
