// The list of images. Its rows are light until they come into sight: only then is a thumbnail made.

import { copyText } from "../clipboard.js";
import { button, el } from "../dom.js";
import { thumbnail } from "../files/thumbnails.js";
import { altText, canBeRetried, editAltText, fresh, isStopped, removeRow } from "../result.js";
import { retry } from "../run.js";
import { say } from "../say.js";
import { state, watch } from "../store.js";
import { percentSaved, size, words } from "../words.js";

const texts = words.rows;
const TOLD = new Set(["faster_encoding"]); // a row shows other warnings in ways of their own
const elements = new Map(); // row id → its element

export function mountRows(list) {
  list.setAttribute("aria-label", texts.name);
  list.hidden = true;
  const sight = new IntersectionObserver(inSight, { rootMargin: "400px" });
  watch(["rows"], () => {
    const added = document.createDocumentFragment();
    for (const id of fresh) {
      const row = state.rows.get(id);
      const old = elements.get(id);
      if (old) sight.unobserve(old);
      if (!row) {
        old?.remove();
        elements.delete(id);
        continue;
      }
      const item = drawRow(row);
      elements.set(id, item);
      sight.observe(item);
      if (old) replace(old, item);
      else added.append(item);
    }
    fresh.clear();
    list.append(added);
    list.hidden = elements.size === 0;
  });
}

/** Puts a row in the place of its older self; what had the focus has it again, a text that is being
 * edited stays as it is. */
function replace(old, item) {
  const { activeElement } = document;
  const focused = old.contains(activeElement) && activeElement;
  const editing = old.querySelector(".editing");
  if (editing) item.querySelector(".alt-text")?.replaceWith(editing);
  old.replaceWith(item);
  if (!focused) return;
  const same = [...item.querySelectorAll("button, a")].find(
    (one) => one.className === focused.className,
  );
  (item.contains(focused) ? focused : (same ?? item.querySelector(".edit")))?.focus();
}

function inSight(seen, sight) {
  for (const { target, isIntersecting } of seen) {
    if (!isIntersecting) continue;
    sight.unobserve(target);
    const row = state.rows.get(target.dataset.id);
    if (row) drawThumbnail(row, target.querySelector(".thumbnail"));
  }
}

/** From the original where the browser reads it, else from the result. */
async function drawThumbnail(row, place) {
  const url = (row.entry && (await thumbnail(row.entry))) ?? row.image?.url;
  if (url) place.replaceChildren(el("img", { src: url, alt: "", decoding: "async" }));
}

function drawRow(row) {
  const name = row.image?.file_name ?? row.error.original_name ?? row.entry.file.name;
  const item = el(
    "li",
    {
      "data-id": row.id,
      className: row.image ? "done" : isStopped(row) ? "failed stopped" : "failed",
    },
    el("div", { className: "thumbnail" }),
    el(
      "div",
      { className: "names" },
      el("bdi", { className: "name" }, name),
      el("bdi", { className: "path" }, original(row, name)),
      row.image ? drawText(row) : null,
    ),
    ...(row.image ? drawResult(row, name) : drawFailure(row, name)),
  );
  if (row.isMadeAgain) item.append(el("p", { className: "note" }, texts.madeAgain));
  for (const { code, message } of row.warnings ?? []) {
    if (TOLD.has(code)) item.append(el("p", { className: "note" }, message));
  }
  return item;
}

/** Where it came from, if that says more than the name does. */
function original(row, name) {
  const { path, original_name } = row.image ?? row.error;
  const full = original_name ? [path, original_name].filter(Boolean).join("/") : row.entry.path;
  return full === name ? "" : full;
}

function drawResult(row, name) {
  const { original_size, compressed_size, url } = row.image;
  const percent = percentSaved(original_size, compressed_size);
  const figures =
    percent === 0
      ? [
          el(
            "div",
            { className: "sizes unchanged" },
            size(compressed_size),
            " ",
            el("span", { className: "note" }, texts.smallest),
          ),
        ]
      : [
          el("div", { className: "sizes" }, texts.sizes(original_size, compressed_size)),
          el("div", { className: percent > 0 ? "saved" : "saved larger" }, texts.saved(percent)),
        ];
  return [
    ...figures,
    el(
      "div",
      { className: "actions" },
      labelled(texts.compare, name, "to-compare", () => openCompare(row.id)),
      el(
        "a",
        { href: url, className: "to-save", "aria-label": texts.of(texts.save, name) },
        texts.save,
      ),
      canBeRetried(row) &&
        !row.isMadeAgain &&
        labelled(texts.retry, name, "to-retry", () => retry(row)),
    ),
  ];
}

function drawFailure(row, name) {
  const canRetry = row.error.id ? canBeRetried(row) || row.entry : isOurFault(row.error);
  return [
    isStopped(row)
      ? el("div", { className: "note" }, texts.stopped)
      : el("div", { className: "reason" }, withoutName(row.error.message, name)),
    el(
      "div",
      { className: "actions" },
      canRetry && !row.isMadeAgain && labelled(texts.retry, name, "to-retry", () => retry(row)),
      !row.error.id && labelled(texts.remove, name, "to-remove", () => removeRow(row.id)),
    ),
  ];
}

/** A sentence that begins with the name reads on from the name beside it. */
const withoutName = (message, name) =>
  message.startsWith(`${name} `) ? message.slice(name.length + 1) : message;

let failureShown = 0;

/** Brings a row that failed into sight, with the focus; each time the next one. */
export function showNextFailure() {
  const failures = document.querySelectorAll("#rows .failed:not(.stopped)");
  const next = failures[failureShown % failures.length];
  failureShown += 1;
  next.scrollIntoView({ block: "center" });
  next.tabIndex = -1;
  next.focus();
}

/** Whether sending the same file again may help. */
const isOurFault = (error) =>
  ["unreachable", "unavailable", "internal", "queue_full"].includes(error.error);

const labelled = (action, name, className, act) =>
  button(action, act, { className, "aria-label": texts.of(action, name) });

/** The view of comparing is loaded when it is first wanted. */
async function openCompare(id) {
  const { compare } = await import("./compare.js");
  compare(
    state.rows.get(id),
    [...state.rows.values()].filter((row) => row.image),
  );
}

function drawText(row) {
  const text = altText(row);
  if (!text) {
    return canBeRetried(row) ? el("span", { className: "note" }, texts.noText) : null;
  }
  const shown = el("q", {}, text);
  const copy = button(texts.copyText, () => copyAltText(row.id), { className: "link copy" });
  const edit = button(texts.editText, () => openEditor(row, place), { className: "link edit" });
  const place = el("div", { className: "alt-text" }, shown, copy, edit);
  return place;
}

/** Puts a field in the place of the text, until it is kept. */
function openEditor({ id }, place) {
  const field = el("textarea", {
    value: altText(state.rows.get(id)),
    rows: 2,
    className: "edit",
    "aria-label": texts.textLabel,
  });
  const keep = () => {
    place.classList.remove("editing");
    editAltText(state.rows.get(id), field.value.trim());
  };
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault();
    if (event.key === "Escape") field.value = altText(state.rows.get(id));
    keep();
  });
  place.classList.add("editing");
  place.replaceChildren(field, button(texts.keepText, keep, { className: "edit" }));
  field.focus();
}

async function copyAltText(id) {
  say((await copyText(altText(state.rows.get(id)))) ? texts.copied : texts.notCopied);
}
