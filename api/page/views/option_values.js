// The options: what they may be, what is remembered of them, and the API's fields that they make.

import { isSessionName } from "../net/address.js";
import { ofBrowser } from "../storage.js";
import { changed, state } from "../store.js";
import { words } from "../words.js";

/** At the API's defaults and by the names of its fields, but for `watermark` and `sessionName`. */
export const DEFAULTS = {
  format: "webp",
  quality: 82,
  maxWidth: null,
  maxHeight: null,
  watermark: null, // a File
  watermarkScale: 20,
  watermarkOpacity: 80,
  watermarkPosition: "BR",
  autoAltText: false,
  autoRenameSEO: false,
  language: "English",
  sessionName: "",
  context: "",
  keywords: "",
};

export const FORMATS = ["avif", "webp", "jpg", "png"];
export const POSITIONS = ["TL", "TC", "TR", "ML", "MC", "MR", "BL", "BC", "BR"];
export const LANGUAGES = [
  "English",
  "Español",
  "Català",
  "Français",
  "Deutsch",
  "Italiano",
  "Português",
  "Nederlands",
  "Polski",
  "Русский",
  "中文",
  "日本語",
  "한국어",
  "Arabic",
  "Hindi",
];
export const MAX_PHRASE = 300;
export const MAX_SIDE = 65535;

const whole = (low, high) => (value) => Number.isInteger(value) && value >= low && value <= high;
const oneOf = (choices) => (value) => choices.includes(value);
const side = (value) => value === null || whole(1, MAX_SIDE)(value);
const flag = (value) => typeof value === "boolean";
// The API counts code points, and a length of JavaScript counts some letters twice.
const phrase = (value) => typeof value === "string" && [...value].length <= MAX_PHRASE;

/** Whether the API takes a value of the option. */
export const CHECKS = {
  format: oneOf(FORMATS),
  quality: whole(40, 100),
  maxWidth: side,
  maxHeight: side,
  watermark: (value) => value === null || value instanceof File,
  watermarkScale: whole(5, 50),
  watermarkOpacity: whole(0, 100),
  watermarkPosition: oneOf(POSITIONS),
  autoAltText: flag,
  autoRenameSEO: flag,
  language: oneOf(LANGUAGES),
  sessionName: (value) => value === "" || isSessionName(value),
  context: phrase,
  keywords: phrase,
};

const NAME = "fluximage-options";
// The watermark is kept elsewhere. The session's name belongs to one run: images of another day
// would come into it unseen.
const NOT_REMEMBERED = ["watermark", "sessionName"];

/** The options as they were last, without what the API would refuse. */
export function remembered() {
  let kept = null;
  try {
    kept = JSON.parse(ofBrowser.get(NAME));
  } catch {
    // What cannot be read is as good as none.
  }
  const fit = ([name, value]) =>
    Object.hasOwn(DEFAULTS, name) && !NOT_REMEMBERED.includes(name) && CHECKS[name](value);
  return { ...DEFAULTS, ...Object.fromEntries(Object.entries(kept ?? {}).filter(fit)) };
}

/** Takes new values of options, from now on and for the next visit. */
export function setOptions(values) {
  state.options = { ...state.options, ...values };
  const kept = differing().filter(([name]) => !NOT_REMEMBERED.includes(name));
  ofBrowser.set(NAME, JSON.stringify(Object.fromEntries(kept)));
  changed("options");
}

export const differing = () =>
  Object.entries(state.options).filter(([name, value]) => value !== DEFAULTS[name]);

/** Why there is no watermark, in words, or null. */
export const noWatermark = () =>
  state.usage?.plan === "free" ? words.options.notInPlan(state.usage.plan) : null;

/** Why there is no AI, in words, or null. */
export function noAi() {
  if (!state.usage || !state.account) return null;
  if (state.usage.ia_credits_monthly === 0) return words.options.notInPlan(state.usage.plan);
  if (!state.account.ai) return words.options.noProvider;
  if (!state.usage.canUseIA) return words.options.noCredits(state.account.period_ends_at);
  return null;
}

export const asksForAi = () =>
  (state.options.autoAltText || state.options.autoRenameSEO) && noAi() === null;

export const hasWatermark = () => state.options.watermark !== null && noWatermark() === null;

/**
 * The API's fields that differ from its defaults, but for `sessionId`: the run names its session.
 * What the account cannot have is left out: the API would refuse the whole request, or warn.
 * @returns {[string, string | File][]}
 */
export function optionFields() {
  const { options } = state;
  const names = ["format", "maxWidth", "maxHeight"];
  if (options.format !== "png") names.push("quality");
  if (hasWatermark()) names.push("watermarkScale", "watermarkOpacity", "watermarkPosition");
  if (asksForAi()) names.push("autoAltText", "autoRenameSEO", "language", "context", "keywords");
  const fields = differing()
    .filter(([name]) => names.includes(name))
    .map(([name, value]) => [name, String(value)]);
  return hasWatermark() ? [...fields, ["watermarkFile", options.watermark]] : fields;
}

/** The options in one line: "AVIF · 82 · within 1600". */
export function optionsInWords() {
  const { format, quality, maxWidth, maxHeight } = state.options;
  const said = words.options;
  return [
    said.formats[format],
    format === "png" ? said.lossless : quality,
    (maxWidth || maxHeight) && said.within(maxWidth, maxHeight),
    hasWatermark() && said.withWatermark,
    asksForAi() && said.ai[aiChoice()],
  ]
    .filter(Boolean)
    .join(" · ");
}

export const AI_CHOICES = {
  off: [false, false],
  altText: [true, false],
  fileName: [false, true],
  both: [true, true],
};

export const aiChoice = () =>
  Object.keys(AI_CHOICES).find((name) => {
    const [altText, fileName] = AI_CHOICES[name];
    return altText === state.options.autoAltText && fileName === state.options.autoRenameSEO;
  });
