// Every text of the page, by the part that shows it. A text with a number is a function.

const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

export const words = {
  title: "fluximage",
  net: {
    unreachable: "The service cannot be reached",
  },
  drop: {
    call: "Drop photographs or folders anywhere",
    more: "Drop more",
    files: "Choose files",
    folder: "Choose a folder",
    or: "or",
    sample: "try a sample",
    sampleName: "dandelion.jpg",
    noSample: "The sample could not be loaded",
  },
  options: {},
  progress: {
    counted: (done, total) => `${number(done)} of ${number(total)}`,
    all: (total) => plural(total, "image"),
    sizes: (before, after) => `${size(before)} → ${size(after)}`,
    saved: (percent) => `${percent} % saved`,
    listing: "reading folders",
    sending: (percent) => `${percent} % sent`,
    left: (seconds) => `about ${duration(seconds)} left`,
    failed: (count) => `${number(count)} failed`,
    refused: (count) => `${number(count)} not sent`,
    stop: "Stop",
    stopped: (count) => `Stopped. ${plural(count, "image was", "images were")} not sent.`,
    sendRest: "Send the rest",
    startOver: "Start over",
    again: (count) => `Compress ${count === 1 ? "it" : `these ${number(count)}`} again`,
    againHint: "With the settings as they are now",
    waiting: (reason, seconds) => `${reason}. Trying again in ${duration(seconds)}.`,
    title: (done, total) => `${number(done)}/${number(total)} · fluximage`,
    titleDone: (total) => `Done: ${plural(total, "image")} · fluximage`,
    saidDone: (sum) => `Done. ${plural(sum.done, "image")} compressed, ${number(sum.failed)} failed.`,
    bar: "Progress",
    leave: "Images are still being sent.",
  },
  held: {
    images: (count, room) =>
      `This takes ${plural(count, "image")} of your plan, and ${number(room)} are left in this period.`,
    texts: (count, room) =>
      `This takes ${plural(count, "AI credit")}, and ${number(room)} are left in this period.`,
    start: (count) => `Start with the first ${number(count)}`,
    startAll: "Start",
    drop: "Leave them out",
  },
  rows: {
    name: "Images",
    sizes: (before, after) => `${size(before)} → ${size(after)}`,
    saved: (percent) => `−${percent} %`,
    smallest: "already as small as it gets",
    compare: "Compare",
    save: "Save",
    remove: "Remove",
    retry: "Try again",
    madeAgain: "is being made again",
    nothingToRetry: "There is nothing that another try would help.",
    copyText: "Copy text",
    copied: "Copied",
    editText: "Edit text",
    keepText: "Keep",
    textLabel: "Alt text",
    noText: "No alt text could be made",
    of: (action, name) => `${action}: ${name}`,
  },
  compare: {
    title: "Compare the original with the result",
    before: "Before",
    after: "After",
    divider: "Divider between before and after",
    share: (percent) => `${percent} percent before`,
    previous: "Previous image (P)",
    next: "Next image (N)",
    place: (at, count) => `${number(at)} of ${number(count)}`,
    fit: "Fit",
    percent: (zoom) => `${Math.round(zoom * 100)} %`,
    smaller: "Zoom out (−)",
    larger: "Zoom in (+)",
    hold: "Before",
    holdTitle: "Shows the original alone as long as it is held (space)",
    close: "Close",
    help: [
      "← → divider",
      "Shift + arrows move",
      "0 fit",
      "1 100 %",
      "2 200 %",
      "+ − zoom",
      "space before alone",
      "P previous",
      "N next",
      "Esc close",
    ],
    list: (values) => values.map((value) => value.replaceAll(" ", "\u00a0")).join("\u00a0· "),
    format: (name) => (/^jpe?g$/i.test(name) ? "JPEG" : /^webp$/i.test(name) ? "WebP" : name.toUpperCase()),
    dimensions: (width, height) => `${width} × ${height}`,
    saved: (percent) => (percent ? `${percent > 0 ? "−" : "+"}${Math.abs(percent)} %` : ""),
    missing: () =>
      "The service has deleted the original, as it does with all of them. " +
      "To compare, drop it here or choose it. A whole folder gives all images their originals.",
    chooseFile: "Choose the file",
    chooseFolder: "Choose a folder",
    notThis: ({ original_name: name, original_size: bytes }, count, others) => {
      const same = others.find(({ file }) => file.name === name);
      if (same) return `This ${name} has ${number(same.file.size)} bytes. The original had ${number(bytes)}.`;
      const found = count ? `${plural(count, "other image has its original", "other images have their originals")} now. ` : "";
      return `${found}The original of this one is ${name}, of ${number(bytes)} bytes.`;
    },
    unknown: (format) =>
      `This browser cannot show ${format || "the original's"} pictures, so only the result is seen.`,
    result: () =>
      "The result does not load. Check the connection and open it again. " +
      "If its time is over, it has been deleted: compress the original once more.",
  },
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
