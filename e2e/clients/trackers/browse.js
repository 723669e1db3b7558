// Opens a page in a browser, from an origin of its own, and leaves it. Arguments: the browser, the page, the URL of /track, its key
// and an event. Says what /track answers when the page posts the event as JSON with the key in a header, which the browser asks for
// first; stays until its input ends, so that requests sent when a page is left are not interrupted.

const fs = require('fs');
const http = require('http');
const { chromium } = require('playwright-core');

async function main([executablePath, file, url, key, body]) {
  const server = http.createServer((_, answer) => {
    answer.setHeader('content-type', 'text/html');
    answer.end(fs.readFileSync(file));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const page = await browser.newPage();
  const complaints = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(`http://localhost:${server.address().port}/`, { waitUntil: 'networkidle' });
  const status = await page.evaluate(async ([url, key, body]) => {
    const headers = { 'content-type': 'application/json', 'x-api-key': key };
    return (await fetch(url, { method: 'POST', headers, body })).status;
  }, [url, key, body]);
  await page.goto('about:blank');
  console.log(JSON.stringify({ status, complaints }));

  process.stdin.resume();
  await new Promise((resolve) => process.stdin.on('end', resolve));
  await browser.close();
  server.close();
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
