// sharp, for `make bench-codecs`: one JSON object a line in, one a line out, one job at a time.
// CPU is the process's (all threads) around the job itself; reading and writing files is not in it.
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

  // The pixels that the next encodes are of: 8-bit sRGB, three channels, no padding.
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

  // A file in memory to raw pixels of that width, as sharp does it unless told otherwise.
  resize: async ({ path, width, out }) => {
    const file = fs.readFileSync(path);
    const made = () => sharp(file).resize(width).raw().toBuffer({ resolveWithObject: true });
    const { data, cpu } = await timed(made);
    fs.writeFileSync(out, data.data);
    return { cpu, width: data.info.width, height: data.info.height, channels: data.info.channels };
  },

  // A whole conversion, and how much memory this process has held at most.
  convert: async ({ path, format, options }) => {
    const idle = peakBytes();
    const file = fs.readFileSync(path);
    const { data, cpu } = await timed(() => sharp(file).autoOrient().toFormat(format, options).toBuffer());
    return { cpu, size: data.length, peak: peakBytes(), idle };
  },
};

// Linux counts what the starting process held into maxRSS; VmHWM is this program's alone.
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
