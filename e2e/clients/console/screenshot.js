// The picture of README.md: the console's overview of thirty days. As BROWSER of `cistern open` it is called with the address to open.

const { launch } = require('./browser.js');

const [link] = process.argv.slice(2);
const { SCREENSHOT, CHROMIUM } = process.env;

(async () => {
  const browser = await launch(CHROMIUM);
  try {
    const context = await browser.newContext({ viewport: { width: 1240, height: 820 }, deviceScaleFactor: 1, colorScheme: 'light' });
    const page = await context.newPage();
    await page.goto(link);
    // Two pages lead on to the console, which has the session then.
    await page.waitForURL('**/console');
    const origin = new URL(page.url()).origin;
    const response = await page.goto(`${origin}/console?from=-30d`);
    if (response.status() !== 200) throw new Error(`the console answered ${response.status()}`);
    await page.screenshot({ path: SCREENSHOT });
  } finally {
    await browser.close();
  }
})().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
