// Small pictures of what the browser already has, so that no row asks the service for one.

const LONGEST_SIDE = 96; // pixels, of the 48 of a row on a screen of two to one
const AT_ONCE = 2; // a photograph takes 100 MB while it is decoded

const asked = []; // the last one first: it is what the person sees now
let running = 0;

/** A blob URL of a small picture, kept on the entry; null where the browser cannot decode it. */
export function thumbnail(entry) {
  entry.thumbnail ??= new Promise((resolve) => {
    asked.push({ file: entry.file, resolve });
    next();
  });
  return entry.thumbnail;
}

async function next() {
  if (running === AT_ONCE || !asked.length) return;
  running += 1;
  const { file, resolve } = asked.pop();
  resolve(await pictureOf(file).catch(() => null));
  running -= 1;
  next();
}

async function pictureOf(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  // Safari writes no WebP and makes a PNG of it.
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/webp", 0.8));
  return blob && URL.createObjectURL(blob);
}
