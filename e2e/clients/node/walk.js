// Walks a search with SparkPost's Node client: `walk.js ORIGIN SEARCH PARAMETERS`, the parameters being JSON.
'use strict';

const readline = require('readline');
const SparkPost = require('sparkpost');

const [origin, search, parameters] = process.argv.slice(2);
const client = new SparkPost({ origin });

const searches = {
  'events.searchMessage': () => client.events.searchMessage(JSON.parse(parameters)),
  'messageEvents.search': () => client.messageEvents.search(JSON.parse(parameters)),
};

// The Events API has an object of links, the Message Events API a list of them.
function nextLink(links) {
  return Array.isArray(links) ? links.find((link) => link.rel === 'next')?.href : links.next;
}

async function walk() {
  const turns = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  let page = await searches[search]();
  for (;;) {
    const next = nextLink(page.links);
    const event_ids = page.results.map((event) => event.event_id);
    console.log(JSON.stringify({ event_ids, total_count: page.total_count, is_last: next === undefined }));
    if (next === undefined || (await turns.next()).done) {
      return;
    }
    page = await client.get({ uri: next });
  }
}

walk().catch((error) => {
  console.error(error.name, error.statusCode, error.message, JSON.stringify(error.errors));
  process.exitCode = 1;
  process.stdin.destroy();
});
