//! The messages of archived app events, sent to the forwarder once more.

use std::{borrow::Cow, collections::BTreeSet, time::Duration};

use anyhow::{Context as _, Result};
use aws_io::{
    S3Client, SqsClient,
    gzip::{MAX_BATCH_BYTES, decode_capped},
    queue::{ReplayedMessage, send_again},
    s3::{ObjectRef, get_capped},
};
use event_model::mparticle::ArchivedMessage;
use futures::{StreamExt as _, TryStreamExt as _, stream};

/// Time limit of reading one object.
const READ_LIMIT: Duration = Duration::from_mins(1);

/// Sends every message of an archived object, and returns how many there are.
///
/// # Errors
/// The object cannot be read, is not one of the forwarder's, or the queue refuses a message. Messages may have been sent.
pub(super) async fn send_object(
    s3: &S3Client,
    sqs: &SqsClient,
    queue_url: &str,
    object: &ObjectRef,
    parallel: usize,
) -> Result<usize> {
    let bytes = get_capped(s3, object, MAX_BATCH_BYTES, READ_LIMIT).await?;
    let lines =
        decode_capped(&bytes, MAX_BATCH_BYTES).with_context(|| format!("expanding {object}"))?;
    let messages = read(&lines).with_context(|| format!("reading {object}"))?;
    stream::iter(&messages)
        .map(|message| {
            let again = ReplayedMessage {
                body: &message.body,
                sent_at_ms: message.sent_at_ms().unwrap_or_default(),
                archived_as: Some(&object.key),
            };
            send_again(sqs, queue_url, again)
        })
        .buffer_unordered(parallel.max(1))
        .try_collect::<()>()
        .await?;
    Ok(messages.len())
}

/// The messages in the lines of an object, each once: the queue may have delivered one several times.
fn read(lines: &[u8]) -> Result<Vec<ArchivedMessage<'_>>> {
    let mut ids: BTreeSet<Cow<'_, str>> = BTreeSet::new();
    let mut messages = Vec::new();
    for (index, line) in lines.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let message: ArchivedMessage<'_> = serde_json::from_slice(line)
            .map_err(|error| anyhow::anyhow!("column {}: {:?}", error.column(), error.classify()))
            .with_context(|| format!("line {} is not an archived message", index + 1))?;
        if ids.insert(message.message_id.clone()) {
            messages.push(message);
        }
    }
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_sent_once_and_a_foreign_line_is_named_without_its_text() {
        let line = |id: &str| {
            let message = ArchivedMessage::new(id, 1_700_000_000_123, "{}");
            serde_json::to_string(&message).unwrap()
        };
        let lines = format!("{}\n{}\n{}\n\n", line("a"), line("b"), line("a"));

        let messages = read(lines.as_bytes()).unwrap();

        let ids: Vec<_> = messages
            .iter()
            .map(|message| message.message_id.as_ref())
            .collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(messages[0].sent_at_ms(), Some(1_700_000_000_123));
        let foreign = format!("{}\n{{\"planted\":1}}\n", line("a"));
        let error = format!("{:#}", read(foreign.as_bytes()).unwrap_err());
        assert!(
            error.starts_with("line 2 is not an archived message"),
            "{error}"
        );
        assert!(!error.contains("planted"), "{error}");
    }
}
