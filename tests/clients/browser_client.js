// Opens a page of another origin in headless Chromium, which drives cos-js-sdk-v5 against a server; prints one JSON
// object of what it saw. Arguments: Chromium, a fresh profile folder, port, SecretId, SecretKey, a PNG photo.
'use strict';
const fs = require('fs');
const http = require('http');
const path = require('path');
const { chromium } = require('playwright-core');
const [executablePath, profile, port, SecretId, SecretKey, photo] = process.argv.slice(2);

const FILES = {
  '/': ['text/html', Buffer.from('<!doctype html><script src="sdk.js"></script><script src="page.js"></script>')],
  '/sdk.js': ['text/javascript', fs.readFileSync(require.resolve('cos-js-sdk-v5/dist/cos-js-sdk-v5.js'))],
  '/page.js': ['text/javascript', fs.readFileSync(path.join(__dirname, 'browser_page.js'))],
  '/photo.png': ['image/png', fs.readFileSync(photo)],
};
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];

(async () => {
  const site = http.createServer((request, response) => {
    const [type, body] = FILES[request.url] || ['text/plain', Buffer.alloc(0)];
    response.writeHead(200, { 'Content-Type': type });
    response.end(body);
  });
  await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
  const context = await chromium.launchPersistentContext(profile, { executablePath, args: FLAGS, headless: true });
  try {
    const page = await context.newPage();
    page.on('console', (message) => console.error(message.text()));
    page.on('pageerror', (error) => console.error(error));
    await page.goto(`http://127.0.0.1:${site.address().port}/`);
    const seen = await page.evaluate((options) => drive(options), { port, SecretId, SecretKey }); // eslint-disable-line
    console.log(JSON.stringify(seen));
  } finally {
    await context.close();
    site.close();
  }
})().catch((error) => { console.error(error); process.exit(1); });
