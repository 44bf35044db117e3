// Originals of a session that was opened again: files that the person gives, matched to its rows.

/** A name as the service keeps it, without letters that are not seen, for comparing. */
const plain = (name) => name.replaceAll(/\p{C}/gu, "").trim().normalize("NFC").toLowerCase();

const foldersOf = (path) => plain(path).split("/").filter(Boolean).toReversed();

/**
 * Gives the rows without an original those of the listed files that are theirs.
 *
 * A file is a row's original if name and byte size agree. Of rows that share both, those get it
 * whose folders agree best. Returns what was attached, and the files that are nobody's.
 */
export async function attachOriginals(listing, rows) {
  const missing = new Map();
  for (const row of rows) {
    if (row.entry) continue;
    const key = keyOf(row.image.original_name, row.image.original_size);
    missing.set(key, [...(missing.get(key) ?? []), row]);
  }
  const scores = new Map();
  const others = [];
  for await (const entry of listing) {
    const fitting = missing.get(keyOf(entry.file.name, entry.file.size));
    if (fitting) attachBest(entry, fitting, scores);
    else others.push(entry);
  }
  return { attached: [...scores.keys()], others };
}

const keyOf = (name, size) => `${size} ${plain(name)}`;

function attachBest(entry, rows, scores) {
  const scored = rows.map((row) => ({ row, score: sharedFolders(entry, row) }));
  const best = Math.max(...scored.map(({ score }) => score));
  for (const { row, score } of scored) {
    if (score < best || score <= (scores.get(row) ?? -1)) continue;
    row.entry = entry;
    scores.set(row, score);
  }
}

/** How many folders agree, from the innermost on. */
function sharedFolders(entry, row) {
  const ours = foldersOf(row.image.path ?? "");
  const theirs = foldersOf(entry.path).slice(1);
  const differs = ours.findIndex((name, at) => name !== theirs[at]);
  return differs < 0 ? ours.length : differs;
}
