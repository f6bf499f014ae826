"""The pages of a large site, written by as many processes as there are cores."""

import json
import os
import subprocess
import sys
from pathlib import Path

from maco_tf.atlas.record_store import Store
from maco_tf.atlas.site.entries import Contents, read_contents
from maco_tf.atlas.site.file_links import FileLinks
from maco_tf.atlas.site.pages import write_pages

# Units from which another process is worth its start: it writes about a thousand pages a second.
_LEAST = 5000
_PACKAGES = Path(__file__).parents[3]


def write_in_shares(store: Store, contents: Contents, output: Path) -> tuple[int, int, int]:
    """Write all pages of a site.

    Args:
        store: the atlas.
        contents: what the site lists.
        output: the folder of the site.

    Returns:
        The numbers of pages, of files that are hard links, and of files that were copied.

    Raises:
        ValueError: a record is damaged.
        OSError: a file cannot be written.
    """
    shares = max(1, min(os.cpu_count() or 1, len(contents.entries) // _LEAST))
    # Programs of their own: forks of a process with TensorFlow's threads may hang, and a spawned process would run the
    # user's script again.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_PACKAGES), *filter(None, sys.path)])}
    command = [sys.executable, "-m", __name__, str(store.folder.resolve()), str(output)]
    others = [
        subprocess.Popen(
            [*command, str(share), str(shares)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        )
        for share in range(1, shares)
    ]
    try:
        counts = [_write_share(store, contents, output, 0, shares)]
        for process in others:
            written, said = process.communicate()
            if process.returncode:
                raise ValueError(said.decode(errors="replace").strip().rpartition("\n")[2])
            counts.append(json.loads(written))
    finally:
        for process in others:
            process.kill()
    pages, linked, copied = (sum(count) for count in zip(*counts))
    return pages, linked, copied


def _write_share(store: Store, contents: Contents, output: Path, share: int, shares: int) -> tuple[int, int, int]:
    files = FileLinks(store, output / "images")
    pages = write_pages(store, contents, files, output, share, shares)
    return pages, files.linked, files.copied


if __name__ == "__main__":
    folder, site, number, count = sys.argv[1:]
    atlas = Store.open(folder)
    try:
        print(json.dumps(_write_share(atlas, read_contents(atlas), Path(site), int(number), int(count))))
    except (ValueError, OSError) as error:
        sys.exit(str(error))
