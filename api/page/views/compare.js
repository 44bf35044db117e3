// The comparison of an original with its result. Its modules are loaded when they are first needed.

import { tell } from "../store.js";
import { words } from "../words.js";

/**
 * Opens the comparison of a row.
 *
 * @param {import("../store.js").Row} row
 * @param {Iterable<import("../store.js").Row>} rows  those with an image, in their order
 */
export async function compare(row, rows) {
  const comparison = await import("./comparison.js").catch(() => null);
  if (comparison) return comparison.open(row, rows);
  tell(words.net.unreachable);
}
