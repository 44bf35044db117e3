// sharp, for `make bench-codecs`: reads one JSON object per line and answers each with one line.
// CPU is that of the process (all threads) during the job, without reading and writing files.
'use strict';
const fs = require('node:fs');
const readline = require('node:readline');
const sharp = require('sharp');

sharp.concurrency(1);
sharp.cache(false);

let pixels = null;
let raw = null;

async function timed(work) {
  const before = process.cpuUsage();
  const data = await work();
  const spent = process.cpuUsage(before);
  return { data, cpu: (spent.user + spent.system) / 1e6 };
}

const jobs = {
  versions: async () => ({ node: process.versions.node, ...sharp.versions }),

  // Sets the pixels for the next encodes: 8-bit sRGB, three channels, no padding.
  load: async ({ path, width, height }) => {
    pixels = fs.readFileSync(path);
    raw = { width, height, channels: 3 };
    return {};
  },

  encode: async ({ format, options, out }) => {
    const { data, cpu } = await timed(() => sharp(pixels, { raw }).toFormat(format, options).toBuffer());
    fs.writeFileSync(out, data);
    return { cpu };
  },

  // A file in memory to raw pixels of that width, with sharp's defaults.
  resize: async ({ path, width, out }) => {
    const file = fs.readFileSync(path);
    const work = () => sharp(file).resize(width).raw().toBuffer({ resolveWithObject: true });
    const { data, cpu } = await timed(work);
    fs.writeFileSync(out, data.data);
    return { cpu, width: data.info.width, height: data.info.height, channels: data.info.channels };
  },

  // A whole conversion, and the peak memory of this process.
  convert: async ({ path, format, options }) => {
    const idle = peakBytes();
    const file = fs.readFileSync(path);
    const { data, cpu } = await timed(() => sharp(file).autoOrient().toFormat(format, options).toBuffer());
    return { cpu, size: data.length, peak: peakBytes(), idle };
  },
};

// VmHWM on Linux, because maxRSS includes what the parent process held.
function peakBytes() {
  try {
    return 1024 * Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]);
  } catch {
    return 1024 * process.resourceUsage().maxRSS;
  }
}

async function answer(line) {
  try {
    const { job, ...rest } = JSON.parse(line);
    return await jobs[job](rest);
  } catch (error) {
    return { error: String(error.message ?? error) };
  }
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
  }
})();
