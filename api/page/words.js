// Every text of the page, by the part that shows it. A text with a number is a function.

const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

export const words = {
  net: {
    unreachable: "The service cannot be reached",
  },
  drop: {},
  options: {},
  progress: {},
  rows: {},
  compare: {},
  save: {},
  copyAs: {},
  account: {},
};

/** 1204 as "1,204", whatever the browser's language: the texts around it are English. */
export function number(value) {
  return value.toLocaleString("en");
}

/** Bytes as people read them: "4.1 MB", "182 kB". */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = -1;
  do {
    value /= 1000;
    unit += 1;
  } while (value >= 999.5 && unit < units.length - 1);
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** A time to come, roughly: "23 h", "40 s". */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  return seconds < 48 * 3600 ? `${Math.round(seconds / 3600)} h` : plural(Math.round(seconds / 86400), "day");
}
