// What people do with the console, and strangers against it. Each scenario writes down findings, and what the test has to compare.

const http = require('http');
const fs = require('fs');
const { Visitor } = require('./browser');

const number = (text) => Number(text.replace(/[^0-9]/g, ''));

// In and out, with the wrong key, with a session that has ended or is not ours.
async function sessions(visitor, plan) {
  const { page, context } = visitor;
  const wanted = `/console/events?${plan.range}&events=bounce`;
  const { status } = await visitor.open(wanted);
  if (status !== 403 || (await visitor.isSignedIn())) visitor.finding(`a page without a session is ${status}`);
  await visitor.inspect('/console/sign-in');

  await visitor.signIn('wrong');
  const refusal = await page.locator('[role=alert]').innerText();
  if (!/not the key/i.test(refusal)) visitor.finding(`a wrong key is told as: ${refusal}`);
  await visitor.signIn();
  if (!page.url().endsWith(wanted)) visitor.finding(`after signing in the page is ${page.url()}`);
  const cookies = await context.cookies();
  const session = cookies.find((cookie) => /cistern-[0-9a-f]{8}$/.test(cookie.name));
  if (!session?.httpOnly || session.sameSite !== 'Strict') visitor.finding(`the session's cookie is ${JSON.stringify(session)}`);
  if (cookies.some((cookie) => cookie.value.includes(plan.key)) || (await page.content()).includes(plan.key)) {
    visitor.finding('the key is in a cookie or in the page');
  }

  // It is gone, was changed by one character, or has ended.
  await context.clearCookies({ name: session.name });
  if ((await visitor.open(wanted)).status !== 403) visitor.finding('a page answers without the cookie');
  const forged = session.value.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
  for (const [what, value, expected] of [
    ['forged', forged, 403],
    ['running', plan.sessions.running, 200],
    ['old', plan.sessions.old, 403],
    ['idle', plan.sessions.idle, 403],
  ]) {
    await context.addCookies([{ ...session, value }]);
    const { status } = await visitor.open(wanted);
    if (status !== expected) visitor.finding(`a ${what} session is answered ${status}`);
  }
  await visitor.inspect('/console/sign-in of a session that has ended');
  await visitor.signIn();

  await page.click('form[action="/console/sign-out"] button');
  if (await visitor.isSignedIn()) visitor.finding('signing out does not');
  await page.goBack();
  if (await visitor.isSignedIn()) visitor.finding('the button back shows a page after signing out');
  await visitor.open('/console');
  await visitor.signIn();
}

// From a search to a message and to a file.
async function walk(visitor, plan) {
  const { page } = visitor;
  await visitor.open(`/console/events?${plan.range}`);
  await page.fill('[name=recipient_domains]', plan.domain);
  await page.click('form.search button.main');
  const found = number(await page.locator('h2', { hasText: /events?$/ }).innerText());

  await page.locator('.facets a', { hasText: /^bounce$/ }).click();
  const kinds = new Set(await page.locator('main tbody td:nth-child(2) .kind').allInnerTexts());
  if (kinds.size !== 1 || ![...kinds][0].includes('bounce')) visitor.finding(`the facet of bounces leads to ${[...kinds]}`);
  const bounces = number(await page.locator('h2', { hasText: /events?$/ }).innerText());
  const files = {};
  for (const [name, link] of [['csv', 'CSV for spreadsheets'], ['ndjson', 'NDJSON, exact']]) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: link }).click()]);
    files[name] = fs.readFileSync(await download.path(), 'utf8');
  }

  await page.locator('main tbody a').first().click();
  const heading = await page.locator('h1').innerText();
  if (!heading.includes('bounce')) visitor.finding(`the first bounce of the list leads to ${heading}`);
  await page.getByRole('link', { name: "the message's own page" }).click();
  const journey = await page.locator('.journey li').count();
  await page.locator('main a[href^="/console/recipient"]').first().click();
  const recipient = await page.locator('h1').innerText();
  return { found, bounces, files, journey, recipient };
}

// The numbers of a page's plot, from the table below it: the sums of its columns, by their heads.
async function plotted(visitor, address) {
  await visitor.open(address);
  const numbers = visitor.page.locator('details', { hasText: 'Numbers of this plot' });
  return numbers.locator('table').first().evaluate((table) => {
    const heads = [...table.querySelectorAll('thead th')].map((cell) => cell.textContent.trim());
    const rows = [...table.querySelectorAll('tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent.trim()));
    return { heads, rows };
  });
}

// Statements whose results have a plot each, and where it is.
const PLOTS = {
  line: ["select * from (values ('2026-11-01', 5, 2), ('2026-11-03', 7, 3)) as t(day, users, events)", 'svg.chart path.l'],
  bars: ["select * from (values ('<script>window.planted=1</script>', 5), ('b', 2)) as t(event, n)", 'table.bars svg.bar'],
  funnel: ["select * from (values (1, 'seen', 9), (2, 'bought', 3)) as t(step, event, users)", 'table.bars svg.bar'],
  triangle: ["select * from (values ('2026-11-02', 0, 9), ('2026-11-02', 1, 3), ('2026-11-09', 0, 4)) as t(week, later, users)", 'table.heat td.h8'],
};

// Runs statements of one's own on the lake, each to its plot. A page answers when the query has ended, or after some seconds.
async function lake(visitor, hasScripts) {
  const { page } = visitor;
  for (const [name, [sql, plot]] of Object.entries(PLOTS)) {
    await visitor.open('/console/product-events?query=sql');
    await page.fill('#sql', sql);
    await page.click('form[action="/console/product-events"] button.main');
    const result = page.getByRole('heading', { name: 'Result', exact: true });
    for (let tries = 0; tries < 30 && (await result.count()) === 0; tries += 1) await page.reload();
    if ((await page.locator(`main ${plot}`).count()) === 0) visitor.finding(`no plot of a ${name}: ${await page.locator('main').innerText()}`);
    if ((await page.locator('#sql').inputValue()) !== sql) visitor.finding('the statement is not in its field');
    if (hasScripts) await visitor.inspect(`/console/product-events ${name}`);
  }
}

// A page that violates the console's own policy in three ways, and hurts a reader: it has to be noticed.
async function proof(browser, plan, policy) {
  const body = `<!DOCTYPE html><html><head><title>x</title></head><body><script>window.planted = 1</script>
    <p style="color:red" onclick="window.planted=2">x</p><img src="/x.png"></body></html>`;
  const server = http.createServer((_, answer) => {
    answer.setHeader('content-type', 'text/html');
    answer.setHeader('content-security-policy', policy);
    answer.end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  const findings = [];
  const visitor = await Visitor.start(browser, { ...plan, url, pictures: null }, 'light', findings);
  await visitor.page.goto(url);
  await visitor.page.locator('p').click();
  const directives = visitor.violations.map((violated) => violated.split(' ')[0]);
  const rules = (await visitor.axe()).map((violated) => violated.id);
  const ran = await visitor.page.evaluate(() => window.planted !== undefined);
  await visitor.end();
  server.close();
  return { directives, rules, ran };
}

module.exports = { sessions, walk, plotted, lake, proof };
