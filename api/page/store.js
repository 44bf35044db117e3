// The state of the page, in one place. Views watch the parts that they show and draw them anew.

/**
 * @typedef {{file: File, path: string}} Entry  An image to send; `path` carries its folders.
 *
 * @typedef {object} Row  An image that has ended, or a file that is not sent.
 * @property {string} id          the image's id, or "file-N"
 * @property {object} [image]     the element of `data` of the API's answer
 * @property {object} [error]     the element of `errors`; {error, message} of a file that is not sent
 * @property {object[]} warnings  the API's warnings on it
 * @property {Entry} [entry]      its original; missing after a reload
 * @property {boolean} [isMadeAgain]    a retry is on its way
 * @property {string} [editedAltText]   what the person made of the text
 */

export const state = {
  /** @type {null | object}  the answer of GET /api/account */
  account: null,
  /** @type {null | object}  the answer of GET /api/usage */
  usage: null,
  /** As the form has them; `watermark` is a File. See views/options.js. */
  options: {},
  /** @type {string | null}  the session of this run */
  session: null,
  /** @type {Map<string, Row>}  in the order of their ending */
  rows: new Map(),
  /** What was taken, sent and has ended: see newRun. */
  run: newRun(),
  /** @type {null | string} */
  message: null,
  /** @type {null | string}  what is wrong for a while */
  trouble: null,
};

export function newRun() {
  return {
    startedAt: null, // of performance.now()
    before: 0, // images that the session had when it was opened
    taken: 0, // images of this page, without those that are not sent
    madeLater: 0, // images that were stopped and have another in their place
    takenBytes: 0,
    sentBytes: 0,
    listing: 0, // how many drops are still being read
    /** @type {Entry[]}  what waits for Start, since the plan does not cover it */
    held: [],
    /** @type {(Entry[] | AsyncIterable<Entry>)[]}  what a stop left unsent */
    rest: [],
    /** @type {null | "processing" | "ended" | "deleted"}  of the session */
    status: null,
    /** @type {null | string}  the signed link of the ZIP, once an image has ended */
    archiveUrl: null,
    /** @type {null | [string, string | File][]}  the options with which images were sent last */
    fields: null,
  };
}

const watchers = new Map();
const parts = new Set();

/** Calls `draw` soon after each change of one of the parts: keys of `state`. */
export function watch(names, draw) {
  for (const name of names) watchers.set(name, [...(watchers.get(name) ?? []), draw]);
}

/** Says that parts of the state have changed. What changes together is drawn once. */
export function changed(...names) {
  // A timer, and no animation frame: the title counts in a tab that is not seen, too.
  if (!parts.size) setTimeout(drawChanges, 16);
  for (const name of names) parts.add(name);
}

function drawChanges() {
  const draws = new Set([...parts].flatMap((name) => watchers.get(name) ?? []));
  parts.clear();
  for (const draw of draws) draw();
}

/** Changes values of the run. */
export function update(values) {
  Object.assign(state.run, values);
  changed("run");
}

/** Says one sentence about the whole page, until it is closed; null: no more. */
export function tell(text) {
  state.message = text;
  changed("message");
}

/** Says what is wrong for a while, beside what `tell` says; null: it is over. */
export function tellTrouble(text) {
  state.trouble = text;
  changed("message");
}
