// Browsers that look at the console, and what they notice by themselves: scripts that run, addresses of others, violations of the
// pages' policy, errors. Whatever they notice is a finding, and a finding fails the test.

const fs = require('fs');
const path = require('path');
const { chromium } = require('playwright-core');

const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
// A page needs a second on a busy machine; what hangs must end the test.
const TIME_LIMIT_MS = 45000;
// A page of the console, its HTML alone.
const MOST_PAGE_BYTES = 100 * 1024;

const LOOKS = {
  light: { viewport: { width: 1240, height: 900 }, colorScheme: 'light' },
  dark: { viewport: { width: 1240, height: 900 }, colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: 'light', hasTouch: true },
  'without scripts': { viewport: { width: 1240, height: 900 }, javaScriptEnabled: false },
};

class Visitor {
  static async start(browser, plan, look, findings) {
    const context = await browser.newContext({ ...LOOKS[look], acceptDownloads: true });
    context.setDefaultTimeout(TIME_LIMIT_MS);
    const visitor = new Visitor(context, await context.newPage(), plan, look, findings);
    await visitor.listen();
    return visitor;
  }

  constructor(context, page, plan, look, findings) {
    Object.assign(this, { context, page, plan, look, findings, violations: [] });
  }

  finding(text) {
    this.findings.push(`${this.look}: ${text}`);
  }

  async listen() {
    const { context, page } = this;
    if (LOOKS[this.look].javaScriptEnabled !== false) {
      await context.exposeFunction('__violated', (directive, blocked) => this.violations.push(`${directive} ${blocked}`));
      await context.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', (event) => window.__violated(event.effectiveDirective, event.blockedURI));
      });
    }
    page.on('dialog', (dialog) => {
      this.finding(`a script opened a dialog on ${page.url()}`);
      dialog.dismiss();
    });
    page.on('pageerror', (error) => this.finding(`a script failed on ${page.url()}: ${error.message}`));
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (url.protocol !== 'data:' && url.origin !== new URL(this.plan.url).origin) this.finding(`${page.url()} asked ${url.origin}`);
    });
  }

  // Goes to a path. Its status, and the text of its main part.
  async open(address) {
    const response = await this.page.goto(this.plan.url + address);
    const bytes = (await response.body()).length;
    if (bytes > MOST_PAGE_BYTES) this.finding(`${address} has ${bytes} bytes`);
    return { status: response.status(), headers: response.headers(), text: await this.page.locator('main').innerText() };
  }

  async signIn(key = this.plan.key) {
    await this.page.fill('#key', key);
    await this.page.click('form[action="/console/sign-in"] button');
    await this.page.waitForLoadState();
  }

  isSignedIn() {
    return this.page.locator('form[action="/console/sign-out"]').count().then((count) => count === 1);
  }

  // What must hold of every page, wherever it came from.
  async inspect(address) {
    const { page } = this;
    const state = await page.evaluate(() => ({
      planted: window.planted !== undefined,
      overflow: document.documentElement.scrollWidth - window.innerWidth,
      headings: document.querySelectorAll('h1').length,
    }));
    if (state.planted) this.finding(`a planted script ran on ${address}`);
    if (state.overflow > 0) this.finding(`${address} is ${state.overflow} pixels wider than the screen`);
    if (state.headings !== 1) this.finding(`${address} has ${state.headings} headings of the first level`);
    for (const violated of this.violations.splice(0)) this.finding(`${address} violates its policy: ${violated}`);
    for (const { id, nodes } of await this.axe()) this.finding(`${address}: ${id} at ${nodes.slice(0, 3).map((node) => node.target).join(', ')}`);
    if (this.plan.pictures) {
      const name = address.replace(/[^a-z]+/gi, '-').slice(0, 60);
      await page.screenshot({ path: path.join(this.plan.pictures, `${this.look}${name}.png`), fullPage: true });
    }
  }

  // Violations of the rules of accessibility. By evaluation, because the policy forbids another script.
  async axe() {
    await this.page.evaluate(AXE);
    return this.page.evaluate(async () => (await window.axe.run(document)).violations);
  }

  end() {
    return this.context.close();
  }
}

function launch(executablePath) {
  // No other arguments: those that packages of browsers recommend switch web security off.
  return chromium.launch({ executablePath, args: ['--no-sandbox'], timeout: TIME_LIMIT_MS });
}

module.exports = { launch, LOOKS, Visitor };
