// Drives a browser through the console of a running stack. Its argument is the browser; its plan is JSON on standard input; what it found is JSON on standard output:
// `findings`, which have to be none, and what the test compares with the database.

const { launch, LOOKS, Visitor } = require('./browser');
const { sessions, walk, plotted, lake, proof } = require('./scenarios');

async function main([executablePath], plan) {
  const findings = [];
  const browser = await launch(executablePath);
  const seen = { looked: 0 };
  for (const look of Object.keys(LOOKS)) {
    const visitor = await Visitor.start(browser, plan, look, findings);
    const hasScripts = LOOKS[look].javaScriptEnabled !== false;
    if (look === 'light') {
      await sessions(visitor, plan);
      seen.walk = await walk(visitor, plan);
      seen.plot = await plotted(visitor, plan.plot);
    } else {
      await visitor.open('/console');
      await visitor.signIn();
    }
    for (const { address, status: wanted } of plan.pages) {
      const { status, headers, text } = await visitor.open(address);
      if (status !== wanted) visitor.finding(`${address} is ${status}`);
      if (text.length < 20) visitor.finding(`${address} is empty`);
      seen.policy = headers['content-security-policy'];
      if (hasScripts) await visitor.inspect(address);
      seen.looked += 1;
    }
    await lake(visitor, hasScripts);
    if (!hasScripts) {
      await visitor.open(`/console/events?${plan.range}`);
      await visitor.page.fill('[name=recipient_domains]', plan.domain);
      await visitor.page.click('form.search button.main');
      seen.foundWithoutScripts = await visitor.page.locator('main tbody tr').count();
    }
    await visitor.end();
  }
  seen.proof = await proof(browser, plan, seen.policy);
  await browser.close();
  return { findings, seen };
}

let input = '';
process.stdin.on('data', (chunk) => (input += chunk));
process.stdin.on('end', () => {
  main(process.argv.slice(2), JSON.parse(input))
    .then((report) => console.log(JSON.stringify(report)))
    .catch((error) => {
      console.error(error);
      process.exit(1);
    });
});
