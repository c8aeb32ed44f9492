"""A folder -> the image files below it: by their names, and where these say nothing by content."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from skfakereal._images.signatures import HEAD, signature_format

# A file of such a name is listed unopened, since a million openings take their time; what
# it holds is found out when it is read.
IMAGE_EXTENSIONS = frozenset(
    {
        *(".apng", ".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".hif", ".j2c"),
        *(".j2k", ".jfif", ".jp2", ".jpc", ".jpe", ".jpeg", ".jpf", ".jpg", ".jpx", ".jxl"),
        *(".mpo", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
    }
)
# What usually lies beside images and is none: counted, and not opened.
_NO_IMAGES = frozenset(
    {
        *(".aae", ".bat", ".cfg", ".csv", ".css", ".db", ".db-journal", ".db3", ".h5"),
        *(".hdf5", ".htm", ".html", ".ini", ".ipynb", ".joblib", ".js", ".json", ".jsonl"),
        *(".lnk", ".lock", ".log", ".mat", ".md", ".md5", ".npy", ".npz", ".onnx"),
        *(".parquet", ".pkl", ".pt", ".pth", ".py", ".pyc", ".rst", ".safetensors", ".sh"),
        *(".sha1", ".sha256", ".skfr", ".sqlite", ".sqlite3", ".toml", ".tsv", ".txt"),
        *(".url", ".xml", ".xmp", ".yaml", ".yml"),
    }
)
_SYSTEM_NAMES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini"})
_SYSTEM_FOLDERS = frozenset({"__macosx", "@eadir", "__pycache__", "$recycle.bin"})
# Their content begins as a TIFF, but what Pillow would find there is a small preview.
_RAW = frozenset(
    {
        *(".3fr", ".arw", ".cr2", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef"),
        *(".mos", ".nef", ".nrw", ".pef", ".raw", ".rwl", ".sr2", ".srf", ".srw"),
    }
)
# Text, and pictures all the same.
_DRAWINGS = frozenset({".svg", ".eps", ".xbm", ".xpm"})
# Formats that are listed where Pillow, or a plug-in of it, can read them or could.
_LISTED = frozenset(
    {"JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP", "PPM", "JPEG2000", "HEIF", "JXL"}
)
_QUIET = frozenset({"hidden", "folder linked twice", "text", "system file"})
_TEXT_CONTROLS = frozenset(b"\t\n\f\r\x1b")
_NAMED, _KINDS = 3, 8  # names of a kind, and kinds, that a message shows
_LONGEST = 16  # characters of an extension that is a kind of its own


class LeftOut:
    """What a listing left out: how many files and folders of each kind, and some names."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._names: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, kind: str, name: str = "") -> None:
        """Count one."""
        self.counts[kind] += 1
        if name:
            self._keep(kind, [name])

    def update(self, other: "LeftOut") -> None:
        """Count what another listing left out."""
        self.counts.update(other.counts)
        for kind, names in other._names.items():
            self._keep(kind, names)

    def _keep(self, kind: str, names: list[str]) -> None:
        # The first by the alphabet: a folder has no order of its own.
        self._names[kind] = sorted([*self._names[kind], *names])[:_NAMED]

    def describe(self) -> str:
        """Return all of it, by kind."""
        if not self.counts:
            return "nothing"
        reasons = ", ".join(f"{kind} {n}" for kind, n in sorted(self.counts.items()))
        return f"{self.counts.total()} files or folders ({reasons})"

    def warning(self) -> str:
        """Return what a user should know of, who may take it for images that were judged."""
        loud = [kind for kind in self.counts if not _is_quiet(kind)]
        loud.sort(key=lambda kind: (-self.counts[kind], kind))
        if not loud:
            return ""
        shown = [self._shown(kind) for kind in loud[:_KINDS]]
        if len(loud) > _KINDS:
            shown.append(f"{len(loud) - _KINDS} more kinds")
        number = sum(self.counts[kind] for kind in loud)
        message = f"Left out: {number:,} {'file or folder' if number == 1 else 'files or folders'}"
        rest = self.counts.total() - number
        beside = f", and {rest:,} that are clearly not images" if rest else ""
        return f"{message} ({'; '.join(shown)}){beside}."

    def _shown(self, kind: str) -> str:
        names, number = self._names[kind], self.counts[kind]
        if kind.startswith("folder "):
            return kind
        more = ", ..." if number > len(names) else ""
        return f"{kind} {number:,}: {', '.join(map(repr, names))}{more}"


def _is_quiet(kind: str) -> bool:
    return kind in _QUIET or kind in _NO_IMAGES


def is_system_folder(name: str) -> bool:
    """Tell whether a folder is hidden, or left by a system and none of the user's."""
    return name.startswith(".") or name.lower() in _SYSTEM_FOLDERS


def list_images(
    folder: str | os.PathLike[str], besides: Iterable[Path] = ()
) -> tuple[list[str], LeftOut]:
    """List the image files of a folder and of all folders below it.

    A file whose name has the extension of an image is listed unopened. Of others, unless
    the extension is one of data or text, the first bytes are read: what begins as an image
    that is read here, or would be with a plug-in of Pillow's, is listed, whatever its name.
    Links are followed; a folder that several lead to is listed once, so a ring of them ends,
    and those `besides` never.
    """
    images: list[str] = []
    left_out = LeftOut()
    folders, linked = [os.fspath(folder)], list[str]()
    seen = {_place(other) for other in besides}
    while folders or linked:
        # Links come last and sorted, so that a folder's own place wins over a link to it.
        linked.sort(reverse=True)
        current = folders.pop() if folders else linked.pop()
        place = _place(current)
        if place in seen:
            left_out.add("folder linked twice")
            continue
        seen.add(place)
        with os.scandir(current) as entries:
            for entry in entries:
                if _is_folder(entry):
                    if is_system_folder(entry.name):
                        left_out.add("hidden")
                    else:
                        (linked if entry.is_symlink() else folders).append(entry.path)
                elif _is_image(entry, left_out):
                    images.append(entry.path)
    return sorted(images), left_out


def images_in(folder: str | os.PathLike[str]) -> list[str]:
    """Return the names of the image files right in a folder."""
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if _is_file(e) and _is_image(e, LeftOut()))


def walk_images(
    folder: str | os.PathLike[str], left_out: LeftOut | None = None
) -> Iterator[str]:
    """Yield what `list_images` lists, in its order, without holding it all."""
    top = os.fspath(folder)
    # A link may come before the folder that it leads to, so those are found first.
    seen = set(_folder_places(top))
    yield from _walk(top, seen, left_out or LeftOut(), below_link=False)


def _folder_places(folder: str) -> Iterator[tuple[int, int]]:
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        yield _place(current)
        with os.scandir(current) as entries:
            waiting += [
                entry.path
                for entry in entries
                if not is_system_folder(entry.name) and entry.is_dir(follow_symlinks=False)
            ]


def _walk(
    folder: str, seen: set[tuple[int, int]], left_out: LeftOut, *, below_link: bool
) -> Iterator[str]:
    names, links = list[str](), set[str]()
    with os.scandir(folder) as entries:
        for entry in entries:
            if _is_folder(entry):
                if is_system_folder(entry.name):
                    left_out.add("hidden")
                    continue
                # With its separator, a folder's name sorts as the paths below it do.
                names.append(entry.name + os.sep)
                if below_link or entry.is_symlink():
                    links.add(names[-1])
            elif _is_image(entry, left_out):
                names.append(entry.name)
    for name in sorted(names):
        path = os.path.join(folder, name.removesuffix(os.sep))  # noqa: PTH118, 5 times faster
        if not name.endswith(os.sep):
            yield path
        elif name not in links:
            yield from _walk(path, seen, left_out, below_link=False)
        elif (place := _place(path)) not in seen:
            seen.add(place)
            yield from _walk(path, seen, left_out, below_link=True)
        else:
            left_out.add("folder linked twice")


def _place(path: str | Path) -> tuple[int, int]:
    status = Path(path).stat()
    return status.st_dev, status.st_ino


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _is_image(entry: os.DirEntry[str], left_out: LeftOut) -> bool:
    """Tell whether an entry is an image file; if not, count it."""
    if entry.name.startswith("."):
        left_out.add("hidden")
        return False
    if not _is_file(entry):
        left_out.add("broken link" if entry.is_symlink() else "not a file", entry.name)
        return False
    extension = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122, 10 times faster
    if extension in IMAGE_EXTENSIONS:
        return True
    kind = _kind_of(entry, extension)
    if kind:
        left_out.add(kind, entry.name)
    return not kind


def _kind_of(entry: os.DirEntry[str], extension: str) -> str:
    """Return what a file is that is no image; nothing if its content is one."""
    if entry.name.lower() in _SYSTEM_NAMES:
        return "system file"
    if extension in _NO_IMAGES or extension in _RAW:
        return extension
    head = _head(entry.path)
    if head is None:
        return "cannot be opened"
    if not head:
        return "empty file"
    name = signature_format(head)
    if name in _LISTED and not (name == "BMP" and not _is_bmp(head)):
        return ""
    if name and name not in _LISTED and name != "DIB":
        return f"{name} image"
    if extension not in _DRAWINGS and _is_text(head):
        return "text"
    if extension.isprintable() and len(extension) <= _LONGEST:
        return extension or "no extension"
    return "odd extension"


def _head(path: str) -> bytes | None:
    try:
        # Not to wait for a writer, should a pipe have taken the file's place meanwhile.
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            return os.read(file, HEAD)
        finally:
            os.close(file)
    except OSError:
        return None


def _is_bmp(head: bytes) -> bool:
    # Two letters are no proof, so the header's size must be one of those that there are.
    return int.from_bytes(head[14:18], "little") in {12, 16, 40, 52, 56, 64, 108, 124}


def _is_text(head: bytes) -> bool:
    if any(byte < 32 and byte not in _TEXT_CONTROLS for byte in head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return len(head) == HEAD and error.start > HEAD - 4  # a letter that was cut in two
    return True


def require_folder(top: Path) -> None:
    """Raise where there is no folder."""
    if not top.is_dir():
        kind = NotADirectoryError if top.exists() else FileNotFoundError
        raise kind(f"root must be a folder of images, but there is none at {str(top)!r}.")
