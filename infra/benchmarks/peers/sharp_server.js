// A bare HTTP server around sharp, for `make bench-peers`: the body is an image, the answer is one.
// Everything is as sharp has it by default. The first line on stdout is JSON: port and versions.
'use strict';
const http = require('node:http');
const sharp = require('sharp');

async function convert(request) {
  const chunks = await request.toArray();
  const { format, width, ...rest } = Object.fromEntries(new URL(request.url, 'http://x').searchParams);
  const options = Object.fromEntries(Object.entries(rest).map(([name, text]) => [name, Number(text)]));
  const image = sharp(Buffer.concat(chunks)).autoOrient();
  if (width) image.resize({ width: Number(width), withoutEnlargement: true });
  return image.toFormat(format, options).toBuffer();
}

const server = http.createServer((request, answer) => {
  convert(request).then(
    (data) => answer.end(data),
    (error) => answer.writeHead(400).end(String(error.message ?? error)),
  );
});
server.listen(0, '127.0.0.1', () => {
  const versions = { node: process.versions.node, ...sharp.versions };
  console.log(JSON.stringify({ port: server.address().port, threads: sharp.concurrency(), versions }));
});
