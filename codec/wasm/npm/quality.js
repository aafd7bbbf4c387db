// The QP by quality as the Python package has it (pillow_tpg/_calibration.py); a test compares them.

const FULL = [
  [1, 63], [5, 62.45], [10, 51.83], [15, 46.42], [20, 42.79], [25, 40.08], [30, 38.08],
  [35, 36.43], [40, 35.33], [45, 34.16], [50, 32.93], [55, 32.06], [60, 31.18], [65, 30.04],
  [70, 28.95], [75, 27.88], [80, 25.47], [85, 23.19], [90, 20.13], [95, 14.37], [100, 2.61],
];
const GENUINE = [
  [1, 63], [5, 62.29], [10, 51.47], [15, 45.97], [20, 42.26], [25, 39.45], [30, 37.49],
  [35, 35.88], [40, 34.71], [45, 33.44], [50, 32.26], [55, 31.42], [60, 30.58], [65, 29.48],
  [70, 28.44], [75, 27.06], [80, 24.75], [85, 22.56], [90, 19.32], [95, 14.34], [100, 2.34],
];
const POINTS = { full: FULL, genuine: GENUINE };

/** The whole number next to `value`, an even one if two are. */
function rounded(value) {
  const low = Math.floor(value);
  return value - low === 0.5 ? low + (low % 2) : Math.round(value);
}

/** The QP with which photos look, on average, as JPEG's do at a quality of 1 to 100. */
export function qpForQuality(quality, tools = 'full', name = 'quality') {
  if (!(quality >= 1 && quality <= 100)) throw new RangeError(`${name} is ${quality}, allowed are 1 to 100`);
  const points = POINTS[tools];
  if (!points) throw new RangeError(`tools is "${tools}", allowed are "full" and "genuine"`);
  const above = points.findIndex(([q]) => q > quality);
  const index = above < 0 ? points.length - 1 : Math.max(above, 1);
  const [[low, qpLow], [high, qpHigh]] = [points[index - 1], points[index]];
  return rounded(qpLow + ((qpHigh - qpLow) * (quality - low)) / (high - low));
}
