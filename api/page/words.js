// Every text of the page, by the part that shows it. A text with a number is a function.

const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

const leftUntil = (count, renewal) =>
  `${count ? number(count) : "none"} ${count === 1 ? "is" : "are"} left until ${day(renewal)}`;

/** What was saved before something failed. */
const whole = (count) => `${plural(count, "image is", "images are")} saved and whole.`;

export const words = {
  title: "fluximage",
  closeMessage: "Close the message",
  net: {
    unreachable: "The service cannot be reached",
  },
  drop: {
    call: "Drop photographs or folders anywhere",
    callFingers: "Choose photographs to make smaller",
    more: "Drop more",
    files: "Choose files",
    folder: "Choose a folder",
    or: "or",
    sample: "try a sample",
    sampleName: "dandelion.jpg",
    noSample: "The sample could not be loaded",
  },
  // Each follows the name of a file.
  files: {
    pasted: (day, time) => `pasted ${day} ${time}`,
    tooLarge: (size) => `has ${size}, and the most is 20 MB`,
    empty: "is empty",
    unreadable: "cannot be read",
    gone: "has changed or gone since it was added; add it again",
    tooDeep: (most) => `lies in more than ${most} folders, one in another`,
    folderTooLong: (most) => `lies in folders whose names are longer than ${most} bytes together`,
    noImage: "is not an image that this service reads",
    unsupported: (kind) => `is ${kind}, which this service does not read`,
    svg: "an SVG drawing",
    pdf: "a PDF document",
    drawing: "a Photoshop or PostScript file",
    jxl: "a JPEG XL image",
    jpeg2000: "a JPEG 2000 image",
    video: "a video",
    zip: "an archive",
    raw: "a camera's raw file",
  },
  options: {
    format: "Format",
    formats: { avif: "AVIF", webp: "WebP", jpg: "JPEG", png: "PNG" },
    formatHints: {
      avif: "the smallest files, for current browsers",
      webp: "small files that every browser shows",
      jpg: "for mail, print and old programs",
      png: "lossless: for drawings and logos, large for photographs",
    },
    quality: "Quality",
    lossless: "lossless",
    losslessHint: "PNG is lossless",
    fitWithin: "Fit within",
    maxWidth: "Width",
    maxHeight: "Height",
    anySide: "any",
    anySize: "Any size",
    sides: (width, height) => (width || height ? `${width ?? "–"} × ${height ?? "–"}` : "any size"),
    withinHint: "Larger images are scaled down in proportion; none is made larger.",
    badSide: (most) => `A whole number from 1 to ${most}, or nothing. It is not used until then.`,
    within: (width, height) =>
      width && height && width !== height
        ? `within ${width} × ${height}`
        : `within ${width ?? height}${width === height ? "" : width ? " wide" : " high"}`,
    none: "none",
    withWatermark: "watermark",
    watermark: {
      name: "Watermark",
      hint: "A PNG of at most 5 MB and 4096 × 4096 pixels: choose it, drop it here or paste it.",
      choose: "Choose a PNG",
      chooseAnother: "Choose another",
      remove: "Remove",
      preview: "Preview of the watermark",
      place: "Place",
      positions: {
        TL: "Top left",
        TC: "Top centre",
        TR: "Top right",
        ML: "Middle left",
        MC: "Middle centre",
        MR: "Middle right",
        BL: "Bottom left",
        BC: "Bottom centre",
        BR: "Bottom right",
      },
      scale: "Width",
      opacity: "Opacity",
      tooLarge: (came) => `This file has ${came}; a watermark may have 5 MB.`,
      tooManyPixels: (width, height) =>
        `This PNG has ${width} × ${height} pixels; a watermark may have 4096 × 4096.`,
      notPng: "This file is no PNG.",
      damaged: "This PNG is damaged or cut short.",
      unreadable: "This file cannot be read.",
    },
    altText: "Alt text",
    ai: { off: "off", altText: "alt text", fileName: "file name", both: "both" },
    aiHints: {
      off: "",
      altText: "a sentence on what the image shows",
      fileName: "words that describe it: red-shoes-on-grass",
      both: "alt text and file name, for the same credit",
    },
    aiCost: (left) => `Takes one AI credit an image; ${number(left)} left.`,
    language: "Language",
    more: "More",
    sessionName: "Session name",
    context: "Context",
    keywords: "Keywords",
    hints: {
      sessionName:
        "For the address and the ZIP of this run. Images of the same name come together.",
      context:
        "What the images are for: a shop for running shoes. Guides alt texts and file names.",
      keywords: "Words that alt texts and file names should use where they fit.",
    },
    badSession: (text) =>
      text.length > 128
        ? `At most 128 characters, and these are ${text.length}. It is not used until then.`
        : "Only letters from A to Z, digits and . _ : - (but not . or .. alone). It is not used until then.",
    longPhrase: (count) =>
      `At most 300 characters, and these are ${count}. It is not used until then.`,
    notInPlan: (plan) => `not in the ${plan} plan`,
    noCredits: (renewal) => (renewal ? `no credits left until ${day(renewal)}` : "no credits left"),
    noProvider: "this service has no AI",
    reset: "Reset",
    change: "Change",
  },
  progress: {
    counted: (done, total) => `${number(done)} of ${number(total)}`,
    all: (total) => plural(total, "image"),
    sizes: (before, after) => `${size(before)} → ${size(after)}`,
    saved: (percent) => (percent < 0 ? `${-percent} % larger` : `${percent} % saved`),
    listing: "reading folders",
    sending: (percent) => `${percent} % sent`,
    left: (seconds) =>
      `about ${duration(seconds < 20 ? seconds : 5 * Math.ceil(seconds / 5))} left`,
    failed: (count) => `${number(count)} failed`,
    refused: (count) => `${number(count)} not sent`,
    stop: "Stop",
    stopped: (count) => (count === null ? "the rest stopped" : `${number(count)} stopped`),
    goOn: "Compress the rest",
    startOver: "Start over",
    again: (count) => `Compress ${count === 1 ? "it" : `these ${number(count)}`} again`,
    againHint: "With the settings as they are now",
    noSession: "There is no such session",
    tryingAgain: (reason) => `${reason}. Trying again.`,
    deleted: "This session was deleted. What you add goes into a new one.",
    waiting: (reason, seconds) => `${reason}. Trying again in ${duration(seconds)}.`,
    title: (done, total) => `${number(done)}/${number(total)} · fluximage`,
    titleDone: (total) => `Done: ${plural(total, "image")} · fluximage`,
    titleStopped: (done, total) => `Stopped: ${number(done)} of ${number(total)} · fluximage`,
    saidDone: (sum) =>
      `Done. ${plural(sum.done, "image")} compressed, ${number(sum.failed)} failed.`,
    saidStopped: (sum) => `Stopped. ${plural(sum.done, "image is", "images are")} compressed.`,
    bar: "Progress",
  },
  held: {
    images: (count, room, renewal) =>
      `This takes ${plural(count, "image")} of your plan, and ${leftUntil(room, renewal)}.`,
    texts: (count, room, renewal) =>
      `This takes ${plural(count, "AI credit")}, and ${leftUntil(room, renewal)}.`,
    start: (count) => `Start with the first ${number(count)}`,
    startAll: "Start",
    drop: "Leave them out",
  },
  rows: {
    name: "Images",
    sizes: (before, after) => `${size(before)} → ${size(after)}`,
    saved: (percent) => (percent < 0 ? `+${-percent} %` : `−${percent} %`),
    smallest: "already as small as it gets",
    compare: "Compare",
    save: "Save",
    remove: "Remove",
    retry: "Try again",
    madeAgain: "is being made again",
    nothingToRetry: "There is nothing that another try would help.",
    copyText: "Copy text",
    copied: "Copied",
    notCopied: "This browser does not let the page copy",
    editText: "Edit text",
    keepText: "Keep",
    textLabel: "Alt text",
    stopped: "Stopped before it was compressed",
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
      "0, 1, 2 for fit, 100 %, 200 %",
      "+ − zoom",
      "space before alone",
      "P previous",
      "N next",
      "Esc close",
    ],
    list: (values) => values.map((value) => value.replaceAll(" ", "\u00a0")).join("\u00a0· "),
    format: (name) =>
      /^jpe?g$/i.test(name) ? "JPEG" : /^webp$/i.test(name) ? "WebP" : name.toUpperCase(),
    dimensions: (width, height) => `${width} × ${height}`,
    saved: (percent) => (percent ? `${percent > 0 ? "−" : "+"}${Math.abs(percent)} %` : ""),
    missing: () =>
      "The service has deleted the original, as it does with all of them. " +
      "To compare, drop it here or choose it. A whole folder gives all images their originals.",
    chooseFile: "Choose the file",
    chooseFolder: "Choose a folder",
    notThis: ({ original_name: name, original_size: bytes }, count, others) => {
      const same = others.find(({ file }) => file.name === name);
      if (same)
        return `This ${name} has ${number(same.file.size)} bytes. The original had ${number(bytes)}.`;
      const found = count
        ? `${plural(count, "other image has its original", "other images have their originals")} now. `
        : "";
      return `${found}The original of this one is ${name}, of ${number(bytes)} bytes.`;
    },
    unknown: (format) =>
      `This browser cannot show ${format || "the original's"} pictures, so only the result is seen.`,
    result: () =>
      "The result does not load. Check the connection and open it again. " +
      "If its time is over, it has been deleted: compress the original once more.",
  },
  save: {
    zip: "Download ZIP",
    zipSoFar: (count) => `Download ZIP of ${number(count)} so far`,
    toFolder: "Save to a folder",
    csv: "CSV",
    linksEnd: (time) => `links end in ${time}`,
    linksEnded: "links have ended",
    renew: "Renew",
    gone: (count, total) =>
      count === total
        ? "the service has deleted the results"
        : `the service has deleted ${number(count)} of ${plural(total, "result")}`,
    deleteNow: "Delete now",
    deleteQuestion: (count) =>
      count
        ? `Delete the ${count === 1 ? "result" : `${number(count)} results`} from the service now? ` +
          "What you have saved stays with you."
        : "Delete what the service keeps of this run?",
    cancel: "Cancel",
    noFolder: (reason) => `The folder cannot be used. ${reason}`,
    inTheWay: (count, folder) =>
      `${plural(count, "other file")} with the name of a result ${count === 1 ? "is" : "are"} in “${folder}” already.`,
    keepBoth: "Keep both",
    replace: "Replace",
    saving: (count, total, folder) =>
      `Saving ${number(count)} of ${number(total)} into “${folder}”`,
    saved: (count, folder) => `${plural(count, "image is", "images are")} in “${folder}”.`,
    stopped: (count) => `Stopped. ${whole(count)}`,
    cut: (count) => `The connection broke. ${whole(count)}`,
    damaged: (count) => `The archive came damaged. ${whole(count)}`,
    cannotWrite: (count, reason) => `The folder cannot be written. ${reason}. ${whole(count)}`,
    refused: (reason) => `The service did not send the images. ${reason}`,
    stop: "Stop saving",
    goOn: "Go on",
    close: "Close",
  },
  copyAs: {
    name: "Copy as …",
    ways: { curl: "curl", python: "Python", commandLine: "Command line" },
    text: "The text to copy",
    copied: (way) => `Copied as ${way}`,
    notAllowed: "This browser does not let the page copy. The text is selected.",
    settingsNow: "With the settings as they are now",
    where: "Where the originals are. FLUXIMAGE_API_KEY holds the key.",
    texts: "Texts by AI are written anew.",
    moreThanOneRequest: (count) =>
      `${plural(count, "file")} more: a request takes 20. The command line sends all of them.`,
  },
  account: {
    menu: "Account",
    used: (count) => `${plural(count, "image")} this month`,
    theme: { system: "Theme: as the system", light: "Theme: light", dark: "Theme: dark" },
    plan: (plan) => `${plan} plan`,
    images: "Images",
    aiCredits: "AI credits",
    storage: "Stored",
    of: (used, limit) => `${used} of ${limit}`,
    unlimited: (used) => `${number(used)}, without a limit`,
    topUps: (left) => `${plural(left, "top-up credit")} besides, which do not end`,
    renews: (timestamp) => `Renews on ${day(timestamp)}`,
    roll: "Roll the key",
    rollQuestion:
      "The present key ends at once, wherever it is used. This page goes on with the new one.",
    cancel: "Cancel",
    newKey: "New key",
    rolled: "The new key. It is shown only now.",
    copy: "Copy",
    copied: "Copied",
    docs: "API documentation",
    signOut: "Sign out",
  },
  signIn: {
    title: "Sign in",
    key: "API key",
    submit: "Sign in",
    remember: "Keep me signed in on this computer",
    hint: [
      "Started it yourself? ",
      "fluximage up",
      " prints a key. Otherwise its operator makes one with ",
      "fluximage accounts create",
      ".",
    ],
    noKey: "Paste your API key",
    badShape:
      "This is no API key: one begins with flx_live_, and 40 digits and letters a to f follow",
    refused: "The service does not know this key. It may have been replaced.",
    ended: "This key no longer works",
    badLink: "The key in the link that you opened does not work",
    useLinked: (name, plan) => `Use the key of the account ${name} (${plan})?`,
    fromLink: "It came with the link that you opened.",
    signedInAs: (name) => `You are signed in as ${name} now.`,
    use: "Use it",
    refuse: "No",
    again: "Try again",
  },
};

/** 1204 as "1,204", whatever the browser's language: the texts around it are English. */
export function number(value) {
  return value.toLocaleString("en");
}

/** A day as "1 December". */
export function day(timestamp) {
  return new Date(timestamp).toLocaleDateString("en-GB", { day: "numeric", month: "long" });
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

/** What part of the bytes is gone, in whole percent; below 0 where there are more. */
export const percentSaved = (before, after) =>
  before ? Math.round(100 * (1 - after / before)) : 0;

/** A time to come, roughly: "23 h", "40 s". */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  return seconds < 48 * 3600
    ? `${Math.round(seconds / 3600)} h`
    : plural(Math.round(seconds / 86400), "day");
}
