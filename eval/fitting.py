"""What is normal of a set of pictures, learned once and kept with its results."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xad_agent.eval.store import Store

if TYPE_CHECKING:
    from xad_agent.picture_profile import PictureProfile


def fitted(normal: Sequence[Path], store: Store, progress: bool) -> tuple["PictureProfile", float]:
    """The profile of normal pictures, with the alpha, backbone (None for the default) and seed of the store's settings.

    Returns:
        It, as it comes out of the store, and the seconds that the fit took.
    """
    from xad_agent.picture_profile import PictureProfile

    options = {name: value for name in ("alpha", "backbone", "seed") if (value := store.settings[name]) is not None}
    paths = [str(path) for path in normal]
    seconds = store.fit(lambda folder: PictureProfile.fit(paths, progress=progress, **options).save(folder))
    return PictureProfile.load(store.profile), seconds
