//! A message of a dead-letter queue as it is shown. Its body is not: app events have addresses.

use aws_io::{
    notification::{self, Notification},
    queue::ReceivedMessage,
};
use event_model::Timestamp;
use serde::Serialize;

use super::Summary;
use crate::{
    plural::counted,
    queue::Queue,
    table::{Align, lay_out},
};

/// One message.
#[derive(Debug, Serialize)]
pub(super) struct DeadLetter {
    pub(super) queue: Queue,
    pub(super) id: String,
    /// When it was sent to the queue first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sent_at: Option<String>,
    #[serde(skip)]
    pub(super) sent_at_ms: i64,
    /// What it is about: the objects that it names, or how many bytes of app events it has.
    pub(super) about: String,
    pub(super) bytes: usize,
    /// Why it failed last, as far as the function's log has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
    /// The objects that it names.
    #[serde(skip)]
    pub(super) keys: Vec<String>,
}

impl DeadLetter {
    pub(super) fn of(queue: Queue, message: &ReceivedMessage) -> Self {
        let (about, keys) = match queue {
            Queue::Load | Queue::Archive => objects(&message.body),
            Queue::Forward => ("a batch of app events".to_owned(), Vec::new()),
        };
        Self {
            queue,
            id: message.id.clone(),
            sent_at_ms: message.sent_at_ms,
            // SQS may not say when.
            sent_at: Some(message.sent_at_ms)
                .filter(|ms| *ms > 0)
                .and_then(|ms| Timestamp::from_unix_seconds(ms / 1_000))
                .map(|at| at.to_string()),
            about,
            bytes: message.body.len(),
            why: None,
            keys,
        }
    }
}

/// What a notification is about, and the keys of the objects that it names.
fn objects(body: &str) -> (String, Vec<String>) {
    match notification::decode(body) {
        Ok(Notification::TestEvent) => ("S3's test event".to_owned(), Vec::new()),
        Ok(Notification::Created(objects)) if objects.is_empty() => (
            "a notification that names no new object".to_owned(),
            Vec::new(),
        ),
        Ok(Notification::Created(objects)) => {
            let keys: Vec<String> = objects.into_iter().map(|object| object.name.key).collect();
            (keys.join(", "), keys)
        }
        Err(error) => (error.to_string(), Vec::new()),
    }
}

/// What a person reads.
pub(super) fn text(summary: &Summary) -> String {
    if summary.messages.is_empty() {
        return "no dead letters".to_owned();
    }
    let header = ["queue", "message", "sent at", "bytes", "about", "why"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(summary.messages.iter().map(|message| {
        vec![
            message.queue.name().to_owned(),
            message.id.clone(),
            message.sent_at.clone().unwrap_or_default(),
            message.bytes.to_string(),
            message.about.clone(),
            message.why.clone().unwrap_or_default(),
        ]
    }));
    let table = lay_out(&rows, |column| match column {
        3 => Align::Right,
        _ => Align::Left,
    });
    let foot = if summary.dry_run {
        let mut functions: Vec<&str> = summary
            .messages
            .iter()
            .filter(|message| message.why.is_none())
            .map(|message| message.queue.function())
            .collect();
        functions.dedup();
        let suffix = &summary.suffix;
        let logs: Vec<String> = functions
            .into_iter()
            .map(|function| format!("`cistern logs {function} --level warn --since 14d{suffix}`"))
            .collect();
        let elsewhere = if logs.is_empty() {
            String::new()
        } else {
            format!(" {} may say why others failed.", logs.join(" or "))
        };
        format!("Nothing is sent yet.{elsewhere} When the cause is gone, add --run.")
    } else {
        format!(
            "{} of {} went back to the queue.",
            summary.sent,
            counted(summary.messages.len(), "message")
        )
    };
    format!("{}\n\n{foot}", table.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> ReceivedMessage {
        ReceivedMessage {
            id: "m-1".to_owned(),
            receipt_handle: "r".to_owned(),
            sent_at_ms: 1_767_225_600_123,
            archived_as: None,
            receive_count: 9,
            body: body.to_owned(),
        }
    }

    #[test]
    fn notifications_are_shown_by_their_keys_and_app_events_by_their_size() {
        let notification = notification::encode(&aws_io::s3::ObjectRef {
            bucket: "b".to_owned(),
            key: "raw/sparkpost/dt=2026-01-01/x y.json.gz".to_owned(),
        });

        let load = DeadLetter::of(Queue::Load, &message(&notification));
        let odd = DeadLetter::of(Queue::Archive, &message("{planted@example.com"));
        let forward = DeadLetter::of(Queue::Forward, &message("planted@example.com"));

        assert_eq!(load.about, "raw/sparkpost/dt=2026-01-01/x y.json.gz");
        assert_eq!(load.keys.concat(), load.about);
        assert_eq!(load.sent_at.as_deref(), Some("2026-01-01T00:00:00Z"));
        for other in [&odd, &forward] {
            assert!(!other.about.contains("planted"), "{}", other.about);
        }
        assert_eq!(forward.bytes, 19);
    }

    #[test]
    fn a_list_says_what_to_do_and_a_run_what_was_done() {
        let mut summary = Summary {
            dry_run: true,
            messages: vec![DeadLetter::of(Queue::Load, &message("{}"))],
            ..Summary::default()
        };

        let listed = text(&summary);
        summary.sent = 1;

        assert!(
            listed.contains("`cistern logs loader --level warn --since 14d`"),
            "{listed}"
        );
        summary.dry_run = true;
        summary.messages[0].why = Some("object not loaded: no access".to_owned());
        let known = text(&summary);
        assert!(
            known.contains("no access") && !known.contains("logs"),
            "{known}"
        );
        summary.dry_run = false;
        assert!(text(&summary).ends_with("1 of 1 message went back to the queue."));
        assert_eq!(text(&Summary::default()), "no dead letters");
    }
}
