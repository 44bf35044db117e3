// Inputs that set an option at once. `fill` shows what the option is.

import { el } from "../dom.js";
import { state } from "../store.js";
import { CHECKS, setOptions } from "./option_values.js";

/**
 * A choice of one, as radio buttons.
 * @param {{value: any, label: string, hint?: string}[]} choices
 * @param {{read?: () => any, write?: (value: any) => void}} [how]  where it is not one option
 */
export function choice(option, legend, choices, { read, write } = {}) {
  const name = `option-${option}`;
  const inputs = choices.map(({ value }) => el("input", { type: "radio", name, value }));
  const element = el(
    "fieldset",
    { className: "choice" },
    el("legend", {}, legend),
    choices.map(({ label, hint }, at) =>
      el(
        "label",
        { title: label },
        inputs[at],
        el("span", {}, label),
        hint && el("span", { className: "hint" }, hint),
      ),
    ),
  );
  element.addEventListener("change", ({ target }) =>
    write ? write(target.value) : setOptions({ [option]: target.value }),
  );
  const fill = () => {
    const value = read ? read() : state.options[option];
    for (const input of inputs) input.checked = input.value === value;
  };
  return { element, fill };
}

/** A slider with its number. */
export function slider(option, label, min, max, inWords) {
  const input = el("input", { type: "range", min, max });
  const output = el("output");
  const said = () => output.replaceChildren(inWords(input.valueAsNumber));
  input.addEventListener("input", () => {
    said();
    setOptions({ [option]: input.valueAsNumber });
  });
  const fill = () => {
    input.value = state.options[option];
    said();
  };
  const element = el("label", { className: "slider" }, el("span", {}, label), input, output);
  return { element, input, fill };
}

/**
 * A line of text. What the API would refuse is said below it and not taken; the option is then
 * at its default.
 * @param {(text: string) => any} parse
 * @param {(text: string) => string} problem  what is wrong with a text that does not fit
 */
export function line(option, label, { hint, problem, parse = (text) => text, ...properties }) {
  const id = `option-${option}`;
  const said = el("span", { className: "problem", id: `${id}-problem`, role: "status" });
  const input = el("input", {
    id,
    type: "text",
    autocomplete: "off",
    "aria-describedby": `${id}-problem`,
    ...properties,
  });
  input.addEventListener("input", () => {
    const value = parse(input.value);
    const fits = CHECKS[option](value);
    input.ariaInvalid = fits ? null : "true";
    said.textContent = fits ? "" : problem(input.value);
    setOptions({ [option]: fits ? value : parse("") });
  });
  const fill = () => {
    input.value = state.options[option] ?? "";
    input.ariaInvalid = null;
    said.textContent = "";
  };
  const element = el(
    "label",
    { className: "text", for: id },
    el("span", {}, label),
    input,
    hint && el("span", { className: "hint" }, hint),
    said,
  );
  return { element, fill };
}

/** A choice of one of many, as a list that drops down. */
export function list(option, label, choices) {
  const input = el(
    "select",
    {},
    choices.map((text) => el("option", { value: text }, text)),
  );
  input.addEventListener("change", () => setOptions({ [option]: input.value }));
  const fill = () => {
    input.value = state.options[option];
  };
  return { element: el("label", { className: "text" }, el("span", {}, label), input), fill };
}
