// The rows as CSV, in the columns and the quoting of an archive's manifest.csv.

import { altText } from "../result.js";

const START = "\ufeff"; // by this mark Excel knows that the text is UTF-8
// With these a spreadsheet begins a formula (OWASP, "CSV Injection"); it skips tab and line breaks.
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;
const COLUMNS = [
  ...["old_path", "new_path", "format", "width", "height", "original_size", "compressed_size"],
  ...["saved_percent", "alt_text", "warnings", "error", "message"],
];

/** The text of a CSV file (RFC 4180), a line for each row; alt texts as the person left them. */
export function csvOf(rows) {
  const lines = [COLUMNS, ...Array.from(rows, cellsOf)];
  return START + lines.map((cells) => `${cells.join(",")}\r\n`).join("");
}

function cellsOf(row) {
  const { image, error, entry, warnings } = row;
  const told = image ?? error;
  const oldPath = told.id ? joined(told.path, told.original_name) : entry.path;
  const notes = (warnings ?? []).map(({ code, message }) => `${code}: ${message}`).join("; ");
  if (!image) {
    const originalSize = entry?.file.size; // the API does not say that of a failed image
    return [
      ...[text(oldPath), "", "", "", "", originalSize, "", "", ""],
      ...[text(notes), text(error.error), text(error.message)],
    ];
  }
  const numbers = [image.width, image.height, image.original_size, image.compressed_size];
  return [
    ...[text(oldPath), text(joined(image.path, image.file_name)), image.format, ...numbers],
    ...[image.saved_percent.toFixed(1), text(altText(row)), text(notes), "", ""],
  ];
}

const joined = (path, name) => (path ? `${path}/${name}` : name);

function text(value) {
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
