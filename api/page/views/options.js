// The options: one line of controls, each with a panel of its own. They work at once.

import { button, el } from "../dom.js";
import { keepWatermark, keptWatermark } from "../files/watermark_file.js";
import { state, watch } from "../store.js";
import { words } from "../words.js";
import { choice, line, list, slider } from "./inputs.js";
import {
  AI_CHOICES,
  DEFAULTS,
  FORMATS,
  LANGUAGES,
  MAX_SIDE,
  aiChoice,
  differing,
  hasWatermark,
  noAi,
  noWatermark,
  optionsInWords,
  remembered,
  setOptions,
} from "./option_values.js";
import { panel } from "./panel.js";
import { createWatermark } from "./watermark.js";

export { optionFields, optionsInWords } from "./option_values.js";

const said = words.options;
const COMMON_SIDES = [1024, 1600, 1920, 2560, 3840];

export function mountOptions(form) {
  state.options = remembered();
  const controls = [format(), quality(), within(), watermark(), altText(), more()];
  const fill = () => controls.forEach((control) => control.fill());

  const reset = button(
    said.reset,
    () => {
      setOptions(DEFAULTS);
      keepWatermark(null);
      fill();
      controls[0].element.focus();
    },
    { className: "link" },
  );
  const row = el(
    "div",
    { className: "controls" },
    controls.map((control) => control.element),
    reset,
  );
  const summary = el("span");
  const change = button(
    said.change,
    () => {
      row.hidden = !row.hidden;
      draw();
    },
    { className: "link" },
  );
  const folded = el("p", { className: "folded" }, summary, " ", change);
  form.append(folded, row, ...controls.flatMap((control) => control.panel ?? []));
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("input")) return;
    event.preventDefault();
    form.querySelector(":popover-open")?.hidePopover();
  });

  let wasRunning = false;
  function draw() {
    const isRunning = state.session !== null || state.rows.size > 0 || state.run.startedAt !== null;
    if (isRunning !== wasRunning) {
      row.hidden = isRunning;
      form.querySelector(":popover-open")?.hidePopover();
    }
    wasRunning = isRunning;
    form.hidden = state.account === null;
    folded.hidden = !isRunning;
    summary.textContent = optionsInWords();
    change.ariaExpanded = String(!row.hidden);
    reset.hidden = differing().length === 0;
    controls.forEach((control) => control.draw());
  }
  fill();
  draw();
  watch(["options", "account", "usage", "session", "rows", "run"], draw);
  keptWatermark().then((file) => {
    if (!file) return;
    setOptions({ watermark: file });
    fill();
  });
}

/** A control whose value stands on a button; `value` says it, `reason` why there is none. */
function opening(name, inputs, value, { reason = () => null, ...on } = {}) {
  const { opener, element, say } = panel(
    name,
    inputs.map((input) => input.element),
    on,
  );
  return {
    element: opener,
    panel: element,
    fill: () => inputs.forEach((input) => input.fill?.()),
    draw() {
      opener.disabled = reason() !== null;
      say(reason() ?? value());
      inputs.forEach((input) => input.draw?.());
    },
  };
}

function format() {
  const choices = FORMATS.map((value) => ({
    value,
    label: said.formats[value],
    hint: said.formatHints[value],
  }));
  const value = () => said.formats[state.options.format];
  return opening(said.format, [choice("format", said.format, choices)], value);
}

function quality() {
  const { element, input, fill } = slider("quality", said.quality, 40, 100, String);
  const note = el("span", { className: "value" }, said.losslessHint);
  element.append(note);
  return {
    element,
    fill,
    draw() {
      const isLossless = state.options.format === "png";
      input.disabled = isLossless;
      note.hidden = !isLossless;
      element.classList.toggle("greyed", isLossless);
    },
  };
}

function within() {
  const side = (option, label) =>
    line(option, label, {
      inputMode: "numeric",
      placeholder: said.anySide,
      parse: (text) => (text.trim() === "" ? null : /^\s*\d+\s*$/.test(text) ? Number(text) : NaN),
      problem: () => said.badSide(MAX_SIDE),
    });
  const sides = [side("maxWidth", said.maxWidth), side("maxHeight", said.maxHeight)];
  const pick = (pixels) =>
    button(pixels ? String(pixels) : said.anySize, () => {
      setOptions({ maxWidth: pixels, maxHeight: pixels });
      sides.forEach((input) => input.fill());
    });
  const boxes = {
    element: el(
      "div",
      { className: "sides" },
      sides.map((input) => input.element),
    ),
    fill: () => sides.forEach((input) => input.fill()),
  };
  const picks = { element: el("p", { className: "picks" }, [...COMMON_SIDES, null].map(pick)) };
  const hint = { element: el("p", { className: "hint" }, said.withinHint) };
  const value = () => said.sides(state.options.maxWidth, state.options.maxHeight);
  return opening(said.fitWithin, [boxes, picks, hint], value);
}

function watermark() {
  const { opened, closed, ...inside } = createWatermark();
  const value = () => (hasWatermark() ? state.options.watermark.name : said.none);
  return opening(said.watermark.name, [inside], value, { reason: noWatermark, opened, closed });
}

function altText() {
  const choices = Object.keys(AI_CHOICES).map((value) => ({
    value,
    label: said.ai[value],
    hint: said.aiHints[value],
  }));
  const asked = choice("ai", said.altText, choices, {
    read: aiChoice,
    write(name) {
      const [autoAltText, autoRenameSEO] = AI_CHOICES[name];
      setOptions({ autoAltText, autoRenameSEO });
    },
  });
  const cost = el("p", { className: "hint" });
  const left = {
    element: cost,
    draw: () => (cost.textContent = said.aiCost(state.usage?.ia_credits_remaining ?? 0)),
  };
  const language = list("language", said.language, LANGUAGES);
  return opening(said.altText, [asked, language, left], () => said.ai[aiChoice()], {
    reason: noAi,
  });
}

function more() {
  const phrase = (option) =>
    line(option, said[option], {
      hint: said.hints[option],
      problem: (text) => said.longPhrase([...text].length),
    });
  const session = line("sessionName", said.sessionName, {
    hint: said.hints.sessionName,
    spellcheck: false,
    problem: said.badSession,
  });
  return opening(said.more, [session, phrase("context"), phrase("keywords")], () => "");
}
