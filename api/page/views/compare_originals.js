// Originals of a session that was opened again: files that the person gives, matched to its rows.

/** A name as the service keeps it, without letters that are not seen, for comparing. */
const plain = (name) => name.replaceAll(/\p{C}/gu, "").trim().normalize("NFC").toLowerCase();

const foldersOf = (path) => plain(path).split("/").filter(Boolean).toReversed();

/**
 * Finds which of the listed files are the originals of rows that have none.
 *
 * A file is a row's original if name and byte size agree. Of rows that share both, those get it
 * whose folders agree best. Returns the entries by their rows, and the files that are nobody's.
 */
export async function findOriginals(listing, rows) {
  const missing = new Map();
  for (const row of rows) {
    const key = keyOf(row.image.original_name, row.image.original_size);
    if (!row.entry) missing.set(key, [...(missing.get(key) ?? []), { row, score: -1 }]);
  }
  const others = [];
  for await (const entry of listing) {
    const places = missing.get(keyOf(entry.file.name, entry.file.size));
    if (places) putBest(entry, places);
    else others.push(entry);
  }
  const found = [...missing.values()].flat().filter(({ entry }) => entry);
  return { found: new Map(found.map(({ row, entry }) => [row, entry])), others };
}

const keyOf = (name, size) => `${size} ${plain(name)}`;

function putBest(entry, places) {
  const scores = places.map(({ row }) => sharedFolders(entry, row));
  const best = Math.max(...scores);
  for (const [at, place] of places.entries()) {
    if (scores[at] === best && best > place.score) Object.assign(place, { entry, score: best });
  }
}

/** How many folders agree, from the innermost on. */
function sharedFolders(entry, row) {
  const ours = foldersOf(row.image.path ?? "");
  const theirs = foldersOf(entry.path).slice(1);
  const differs = ours.findIndex((name, at) => name !== theirs[at]);
  return differs < 0 ? ours.length : differs;
}
