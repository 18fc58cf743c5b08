"""A plan of what a camera sees: where things are seen, and which way they move there, over a picture of the place."""

import numpy as np

_SIDE = 640
_CELLS = 14  # along the longer side
_FINE = 4  # cells of the density to one of the arrows'
_LEAST = 0.001  # of all that moves, to get an arrow
_MAIN = 0.25  # of what moves in a cell
_DENSITY, _ARROWS = "autumn_r", "#12306b"


def plan(pixels: np.ndarray, feet: np.ndarray, velocity: np.ndarray) -> np.ndarray:
    """The density of things as colour, and an arrow for each of a cell's main headings, the longer the faster.

    Args:
        pixels: RGB uint8 (H, W, 3), the place.
        feet: Where things are seen, float (N, 2), x and y in px.
        velocity: How each moves, float (N, 2), px a second; NaN where it does not, or that is not known.

    Returns:
        RGB uint8, the longer side 640 px.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = pixels.shape[:2]
    scale = _SIDE / max(height, width)
    figure = Figure(figsize=(max(width * scale, 1) / 100, max(height * scale, 1) / 100), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    extent = (0, width, height, 0)
    axes.imshow(pixels.mean(axis=2), cmap="gray", vmin=0, vmax=255, extent=extent, aspect="auto")
    density, tails, ways = _drawn(feet, velocity, (height, width))
    axes.imshow(density, cmap=_DENSITY, alpha=0.6 * density, extent=extent, aspect="auto")
    if len(tails):
        longest = float(np.linalg.norm(ways, axis=1).max()) / (max(height, width) / _CELLS)
        axes.quiver(*tails.T, *ways.T, angles="xy", scale_units="xy", scale=longest, color=_ARROWS, width=0.004)
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _drawn(feet: np.ndarray, velocity: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The density, 0 to 1, on a grid; and the arrows' tails, x and y in px, with the mean velocity of each."""
    from scipy.ndimage import gaussian_filter

    rows, columns = (max(1, round(_CELLS * side / max(size))) for side in size)
    cell = np.array([size[1] / columns, size[0] / rows])
    fine, _, _ = np.histogram2d(
        feet[:, 1], feet[:, 0], bins=[_FINE * rows, _FINE * columns], range=[(0.0, size[0]), (0.0, size[1])]
    )
    density = np.sqrt(gaussian_filter(fine, 1.0))
    moves = ~np.isnan(velocity).any(axis=1)
    x, y = np.clip(feet[moves] // cell, 0, [columns - 1, rows - 1]).astype(int).T
    ways = velocity[moves]
    heading = np.rint(np.degrees(np.arctan2(ways[:, 1], ways[:, 0])) / 45).astype(int) % 8
    counts, sums = np.zeros((rows, columns, 8)), np.zeros((rows, columns, 8, 2))
    np.add.at(counts, (y, x, heading), 1)
    np.add.at(sums, (y, x, heading), ways)
    main = (counts > _LEAST * len(ways)) & (counts >= _MAIN * counts.sum(axis=2, keepdims=True))
    tails = (np.argwhere(main)[:, [1, 0]] + 0.5) * cell
    return density / max(float(density.max()), 1e-9), tails, sums[main] / counts[main][:, None]
