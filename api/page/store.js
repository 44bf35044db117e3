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
 */

export const state = {
  /** @type {null | {name: string, plan: string}} */
  account: null,
  /** @type {null | object}  the answer of GET /api/usage */
  usage: null,
  /** As the form has them; `watermark` is a File. See views/options.js. */
  options: {},
  /** @type {string | null}  the session of this run */
  session: null,
  /** @type {Map<string, Row>}  in the order of their ending */
  rows: new Map(),
  /** What was taken, sent and has ended. `held` waits for Start; `sending` says whether uploads go. */
  run: newRun(),
  /** A sentence for the person, or null: {text, actions: [{label, act}]} */
  message: null,
};

export function newRun() {
  return {
    startedAt: null, // of performance.now()
    taken: 0, // images, without those that are not sent
    takenBytes: 0,
    sentBytes: 0,
    listing: false, // whether folders are still being read
    sending: false,
    /** @type {Entry[]}  what the plan does not cover */
    held: [],
    /** @type {null | {total: number, queued: number, processing: number, completed: number,
     *  failed: number, cancelled: number, original_bytes: number, compressed_bytes: number}} */
    progress: null,
    status: null, // the session's: queued, processing, completed, cancelled
    archiveUrl: null,
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
