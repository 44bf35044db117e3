// A run as text for a terminal or an editor. What is run there gives the page's results; texts by
// AI are written anew.
//
// `fields` are the API's, [[name, value]...]; `paths` those of the originals, with their folders.

import { words } from "../words.js";

const MOST_FILES = 20; // of one request
const OUT = "small";

// Fields of the API: the keyword of the Python client, of which the command line's option is made.
const KEYWORDS = {
  format: "format",
  quality: "quality",
  maxWidth: "max_width",
  maxHeight: "max_height",
  watermarkFile: "watermark",
  watermarkScale: "watermark_scale",
  watermarkOpacity: "watermark_opacity",
  watermarkPosition: "watermark_position",
  autoAltText: "alt_text",
  autoRenameSEO: "rename",
  language: "language",
  context: "context",
  keywords: "keywords",
};
const NUMBER = /^(quality|max|watermark(Scale|Opacity))/;
// Which files a folder's walk takes: see infra/client/fluximage/sources.py.
const SUFFIX = /\.(jpe?g|jpe|jfif|png|webp|avif|heic|heif|hif|gif|tiff?|bmp)$/i;

export function curl(fields, paths) {
  const files = paths.slice(0, MOST_FILES);
  const more = paths.length - files.length;
  const lines = [
    `curl ${shell(`${location.origin}/api/compress`)}`,
    '--header "Authorization: Bearer $FLUXIMAGE_API_KEY"',
    ...effective(fields).map(curlField),
    ...files.map(curlFile),
  ];
  const notes = [...notesOf(fields), more && words.copyAs.moreThanOneRequest(more)];
  return commented(notes) + `${lines.join(" \\\n  ")}\n`;
}

export function commandLine(fields, paths) {
  const folders = topFolders(paths);
  // What has no folder, and what the walk through a folder would leave out, is named.
  const named = paths.filter((path) => !path.includes("/") || !SUFFIX.test(path));
  const what = [...folders.map((name) => `${name}/`), ...named].map((path) => shell(local(path)));
  // The command line leaves out the folder that all have in common.
  const isOneFolder = folders.length === 1 && paths.every(isInFolder);
  const out = isOneFolder ? `${outOf(paths)}/${folders[0]}` : outOf(paths);
  const options = effective(fields).map(([name, value]) => {
    const option = `--${KEYWORDS[name].replaceAll("_", "-")}`;
    return value === "true" ? option : `${option} ${shell(textOf(value))}`;
  });
  const lines = [
    `fluximage compress ${what.join(" ")}`,
    `--url ${shell(location.origin)}`,
    ...options,
    ...(wouldMeet(paths) ? ["--name '{dir}/{stem}-{width}.{ext}'"] : []),
    `--out ${shell(out)}`,
  ];
  return commented(notesOf(fields)) + `${lines.join(" \\\n  ")}\n`;
}

export function python(fields, paths) {
  const options = effective(fields).map(
    ([name, value]) => `, ${KEYWORDS[name]}=${pythonValue(name, value)}`,
  );
  return `from pathlib import Path

from fluximage import Client, Done, Source

${commented(notesOf(fields))}files = [
${paths.map((path) => `    ${quoted(path)},\n`).join("")}]
with Client(${quoted(location.origin)}) as client:
    sources = [Source(Path(file), file) for file in files]
    for result in client.compress(sources${options.join("")}):
        if isinstance(result, Done):
            image = result.image
            out = Path(${quoted(outOf(paths))}, image.path or "", image.file_name)
            out.parent.mkdir(parents=True, exist_ok=True)
            client.download(image, out)
        else:
            print(f"{result.source.name}: {result.message}")
`;
}

/** The fields that have an effect. The session is not among them: each run has its own. */
function effective(fields) {
  const asked = new Set(fields.map(([name]) => name));
  const hasTexts = asked.has("autoAltText") || asked.has("autoRenameSEO");
  return fields.filter(([name]) => {
    if (name.startsWith("watermark")) return asked.has("watermarkFile");
    if (["language", "context", "keywords"].includes(name)) return hasTexts;
    return name in KEYWORDS;
  });
}

function notesOf(fields) {
  const hasTexts = effective(fields).some(([name]) => name.startsWith("auto"));
  return [words.copyAs.where, hasTexts && words.copyAs.texts];
}

const commented = (notes) =>
  notes
    .filter(Boolean)
    .map((note) => `# ${note}\n`)
    .join("");

const textOf = (value) => (value instanceof File ? local(value.name) : String(value));

function curlField([name, value]) {
  if (value instanceof File) return `--form ${shell(`${name}=@${curlPath(local(value.name))}`)}`;
  return `--form-string ${shell(`${name}=${value}`)}`;
}

function curlFile(path) {
  const name = path.includes("/") ? `;filename=${curlPath(path)}` : "";
  return `--form ${shell(`file=@${curlPath(local(path))}${name}`)}`;
}

/** A path in a --form of curl, to which commas and semicolons have a meaning. */
const curlPath = (path) => (/[,;"\\\s]/.test(path) ? `"${path.replace(/["\\]/g, "\\$&")}"` : path);

/** The path as a program takes it for a file, also where it begins as an option does. */
const local = (path) => (/^[-@~]/.test(path) ? `./${path}` : path);

/** Characters that a terminal would obey or that change how a text reads. */
const ACTIVE = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/u;

/** One word of a shell: sh, and bash or zsh where it has control characters. */
export function shell(text) {
  if (ACTIVE.test(text)) {
    const quote = (c) => (ACTIVE.test(c) ? bytesOf(c) : c.replace(/['\\]/g, "\\$&"));
    return `$'${Array.from(text, quote).join("")}'`;
  }
  return /^[\w.,:/@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function bytesOf(c) {
  const hex = (byte) => `\\x${byte.toString(16).padStart(2, "0")}`;
  return Array.from(new TextEncoder().encode(c), hex).join("");
}

/** A literal of Python: those of JSON are. */
export function quoted(text) {
  const escaped = (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(text).replace(new RegExp(ACTIVE, "gu"), escaped);
}

function pythonValue(name, value) {
  if (value instanceof File) return `Path(${quoted(value.name)})`;
  if (value === "true") return "True";
  return NUMBER.test(name) ? String(value) : quoted(value);
}

const isInFolder = (path) => path.includes("/");

const topFolders = (paths) => [
  ...new Set(paths.filter(isInFolder).map((path) => path.split("/")[0])),
];

/** A folder for the results that is none of the originals'. */
const outOf = (paths) => (topFolders(paths).includes(OUT) ? `${OUT}er` : OUT);

/** Whether two results would get one name, which the command line refuses and the API numbers. */
function wouldMeet(paths) {
  const stems = paths.map((path) => path.replace(/\.[^./]*$/, "").toLowerCase());
  return new Set(stems).size < stems.length;
}
