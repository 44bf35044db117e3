// What the service would refuse is named before it is sent. shared/imagetype.py tells the types in
// the same way, and a test compares the two.

import { size, words } from "../words.js";

const MAX_FILE_BYTES = 20 * 1024 * 1024;
const MAX_LEVELS = 10;
const MAX_FOLDER_BYTES = 500;
const READ_BYTES = 1024;

// By name: most are TIFFs, in which the service looks for what only sensors write.
const RAW = /\.(3fr|arw|cr[23w]|dng|erf|iiq|kdc|mrw|nef|nrw|orf|pef|raf|raw|rw[2l]|sr[2fw]|x3f)$/i;

const GENERAL = ["mif1", "msf1"];
const AVIF = ["avif", "avis"];
const HEIC = ["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1"];
// The lengths that a BMP's second header can have; the letters BM alone would match many texts.
const BMP_HEADERS = [12, 42, 46, 108, 124, ...Array.from({ length: 13 }, (_, at) => 16 + 4 * at)];

const KINDS = [
  [/^%PDF/, words.files.pdf],
  [/^(8BPS|%!PS|\xc5\xd0\xd3\xc6)/, words.files.drawing],
  [/^(\xff\x0a|\0\0\0\x0cJXL )/, words.files.jxl],
  [/^(\0\0\0\x0cjP  |\xff\x4f\xff\x51)/, words.files.jpeg2000],
  [/^[^]{4}(ftyp|moov|mdat)|^\x1a\x45\xdf\xa3|^RIFF[^]{4}AVI /, words.files.video],
  [/^PK\x03\x04/, words.files.zip],
];

/** Why the service would not take the entry, or null: {error, message}. */
export async function refusal({ file, path, unreadable }) {
  const say = (error, text) => ({ error, message: `${file.name} ${text}` });
  const bytes = unreadable ? null : await firstBytes(file, READ_BYTES);
  if (bytes === null) return say("unreadable_file", words.files.unreadable);
  if (!bytes.length) return say("unsupported_image", words.files.empty);
  const type = typeOf(bytes);
  const kind = unsupportedKind(bytes, file.name, type);
  if (kind) return say("unsupported_image", words.files.unsupported(kind));
  if (type === null) return say("unsupported_image", words.files.noImage);
  if (file.size > MAX_FILE_BYTES) {
    return say("file_too_large", words.files.tooLarge(size(file.size)));
  }
  const wrong = folderRefusal(path.split("/").slice(0, -1));
  return wrong && say("invalid_field", wrong);
}

/** Whether the browser can read the file still: it may have changed or gone, or be a folder. */
export const isReadable = async (file) => Boolean((await firstBytes(file, 1))?.length);

async function firstBytes(file, count) {
  try {
    return new Uint8Array(await file.slice(0, count).arrayBuffer());
  } catch {
    return null;
  }
}

function folderRefusal(folders) {
  if (folders.length > MAX_LEVELS) return words.files.tooDeep(MAX_LEVELS);
  const bytes = new TextEncoder().encode(folders.join("/").normalize("NFC")).length;
  return bytes > MAX_FOLDER_BYTES ? words.files.folderTooLong(MAX_FOLDER_BYTES) : null;
}

/** The type of image by its first bytes, with the API's name, or null. */
export function typeOf(bytes) {
  const text = textOf(bytes);
  if (text.startsWith("\xff\xd8\xff")) return "jpg";
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (/^GIF8[79]a/.test(text)) return "gif";
  if (/^(II[*+]\0|MM\0[*+])/.test(text)) return "tiff";
  if (/^RIFF[^]{4}WEBP/.test(text)) return "webp";
  if (text.slice(4, 8) === "ftyp") return typeOfBrands(bytes, text);
  if (text.startsWith("BM") && BMP_HEADERS.includes(numberAt(bytes, 14, true))) return "bmp";
  return null;
}

function typeOfBrands(bytes, text) {
  const end = Math.min(numberAt(bytes, 0), 256);
  const brands = text.slice(8, end).match(/[^]{4}/g) ?? [];
  const [first, , ...others] = brands; // the second is a version
  const isAvif = [first, ...others].some((brand) => AVIF.includes(brand));
  if (isAvif && [...AVIF, ...GENERAL].includes(first)) return "avif";
  return HEIC.includes(text.slice(8, 12)) ? "heic" : null;
}

/** The four bytes at a place as a number; what a short file has not counts as 0. */
function numberAt(bytes, at, isLittle = false) {
  const four = new Uint8Array(4);
  four.set(bytes.subarray(at, at + 4));
  return new DataView(four.buffer).getUint32(0, isLittle);
}

// One character a byte, so that signatures can be written as texts.
const textOf = (bytes) => String.fromCharCode(...bytes);

/** What it is that people take for an image and the service does not, or null. */
function unsupportedKind(bytes, name, type) {
  const text = textOf(bytes);
  if ((type === null || type === "tiff") && RAW.test(name)) return words.files.raw;
  if (type !== null) return null;
  if (/<svg[\s>]/i.test(text)) return words.files.svg;
  return KINDS.find(([signature]) => signature.test(text))?.[1] ?? null;
}
