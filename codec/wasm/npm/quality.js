// The QP by quality as the Python package has it (pillow_tpg/_calibration.py); a test compares them.

const FULL = [
  [1, 63], [5, 62.32], [10, 51.76], [15, 46.57], [20, 42.84], [25, 40.28], [30, 38.39],
  [35, 36.65], [40, 35.4], [45, 34.31], [50, 33.29], [55, 32.46], [60, 31.57], [65, 30.39],
  [70, 29.09], [75, 27.79], [80, 25.71], [85, 23.45], [90, 20.29], [95, 14.46], [100, 3.98],
];
const GENUINE = [
  [1, 63], [5, 62.06], [10, 51.33], [15, 46.12], [20, 42.28], [25, 39.62], [30, 37.68],
  [35, 36.03], [40, 34.73], [45, 33.68], [50, 32.63], [55, 31.77], [60, 30.91], [65, 29.73],
  [70, 28.42], [75, 27.21], [80, 25.17], [85, 22.91], [90, 19.58], [95, 14.46], [100, 3.38],
];
const POINTS = { full: FULL, genuine: GENUINE };

/** The whole number next to `value`, an even one if two are. */
function rounded(value) {
  const low = Math.floor(value);
  return value - low === 0.5 ? low + (low % 2) : Math.round(value);
}

/** The QP with which photos look, on average, as JPEG's do at a quality of 1 to 100. */
export function qpForQuality(quality, tools = 'full', name = 'quality') {
  if (!(typeof quality === 'number' && quality >= 1 && quality <= 100)) {
    throw new RangeError(`${name} is ${String(quality)}, allowed are 1 to 100`);
  }
  const points = Object.hasOwn(POINTS, tools) ? POINTS[tools] : null;
  if (!points) throw new RangeError(`tools is "${String(tools)}", allowed are "full" and "genuine"`);
  const above = points.findIndex(([q]) => q > quality);
  const index = above < 0 ? points.length - 1 : Math.max(above, 1);
  const [[low, qpLow], [high, qpHigh]] = [points[index - 1], points[index]];
  return rounded(qpLow + ((qpHigh - qpLow) * (quality - low)) / (high - low));
}
