//! The message for a person when the stack is ready.

use std::{
    io::{Write as _, stdout},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result};

use super::Options;
use crate::{
    shell::data_dir_option,
    stack::{Stack, data_dir::DataDir},
};

/// Prints URLs, keys and three commands to try, or the stack file. Prints nothing in the background, where the output is a log.
pub(super) fn print(options: &Options, data_dir: &DataDir, stack: &Stack) -> Result<()> {
    if options.background {
        return Ok(());
    }
    let text = if options.json {
        format!("{}\n", serde_json::to_string_pretty(stack)?)
    } else {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock is before 1970")?;
        text(options, data_dir, stack, now.as_secs())?
    };
    // A closed pipe is no reason to stop the stack.
    let _ = stdout().write_all(text.as_bytes());
    Ok(())
}

/// Age of the example's event, in seconds: a search without a range covers the last day up to a minute ago.
const AGE_SECONDS: u64 = 120;

/// `now` is in seconds since 1970.
fn text(options: &Options, data_dir: &DataDir, stack: &Stack, now: u64) -> Result<String> {
    let at = now.saturating_sub(AGE_SECONDS);
    let Stack {
        base_url,
        sparkpost_webhook_url: webhook_url,
        mparticle_webhook_url,
        query_url,
        iterable_url,
        track_url,
        ..
    } = stack;
    let database_url = stack.database_url.expose();
    let webhook_key = stack.key("sparkpost")?.expose();
    let mparticle_key = stack.key("mparticle")?.expose();
    let query_key = stack.key("query")?.expose();
    let track_key = stack.key("track")?.expose();
    let stack_json = data_dir.stack_json();
    let stop = if options.detach {
        format!(
            "`cistern down{}` stops it.",
            data_dir_option(options.data_dir.as_deref())
        )
    } else {
        "Ctrl-C stops it.".to_owned()
    };
    Ok(format!(
        r#"
Cistern is up. {stop}

  Console             {base_url}/console
              key     {query_key}
  SparkPost webhook   {webhook_url}
              key     {webhook_key}
  Query               {query_url}
              key     {query_key}
  mParticle webhook   {mparticle_webhook_url}
              key     {mparticle_key}
  Iterable stand-in   {iterable_url}/_received
  Track               {track_url}
              key     {track_key}
  Postgres            {database_url}
  Description         {stack_json}

Try it: post an event, find it a moment later (here or in the console), look at the stack's health.

  curl -H 'Authorization: {webhook_key}' -H 'Content-Type: application/json' {webhook_url} \
    -d '[{{"msys":{{"message_event":{{"type":"delivery","event_id":"{now}","timestamp":"{at}","rcpt_to":"ada@example.com","subject":"Hello"}}}}}}]'

  curl -H 'Authorization: {query_key}' '{query_url}?recipients=ada@example.com'

  curl {base_url}/healthz

"#,
        stack_json = stack_json.display(),
    ))
}
