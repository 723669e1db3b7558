//! The objects that a run writes: received messages, before they are processed, and rejections.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use aws_io::{
    S3Client, gzip,
    queue::ReceivedMessage,
    s3::{NewObject, ObjectRef, PutError, PutOutcome, put_new},
};
use erasure::{Tombstones, without_erased};
use event_model::{Pipeline, mparticle::ArchivedMessage};
use time::OffsetDateTime;

/// The time limit of a write, all attempts together.
const PUT_LIMIT: Duration = Duration::from_secs(20);

/// Writes the objects of one run, each with its own name.
#[derive(Debug)]
pub(crate) struct Storage<'a> {
    s3: &'a S3Client,
    bucket: &'a str,
    /// The prefix of the names, unique to this run.
    run_id: &'a str,
    archived_count: AtomicU32,
    rejected_count: AtomicU32,
}

/// The kinds of objects that a run writes.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Archive,
    Rejected,
}

impl<'a> Storage<'a> {
    pub(crate) fn new(s3: &'a S3Client, bucket: &'a str, run_id: &'a str) -> Self {
        Self {
            s3,
            bucket,
            run_id,
            archived_count: AtomicU32::new(0),
            rejected_count: AtomicU32::new(0),
        }
    }

    /// Archives messages without the parts of erased people, and returns the key of the object.
    ///
    /// # Errors
    /// When the messages are not in S3 for certain: then they must not be processed.
    pub(crate) async fn archive(
        &self,
        messages: &[ReceivedMessage],
        erased: &Tombstones,
        now: OffsetDateTime,
    ) -> Result<String, PutError> {
        let lines = messages.iter().map(|message| {
            let (body, _) = without_erased(&message.body, erased);
            let line = ArchivedMessage::new(&message.id, message.sent_at_ms, &body);
            let mut line = serde_json::to_vec(&line)
                .expect("text fields are always JSON, and a vector takes them");
            line.push(b'\n');
            line
        });
        let bytes: usize = messages.iter().map(|message| message.body.len()).sum();
        let object = gzip::encode_parts(lines, bytes / 4);
        self.put(Kind::Archive, object, now).await
    }

    /// Writes lines about rejected events, and returns the key of the object.
    pub(crate) async fn write_rejected(
        &self,
        lines: Vec<u8>,
        now: OffsetDateTime,
    ) -> Result<String, PutError> {
        self.put(Kind::Rejected, lines, now).await
    }

    /// An existing object was written by an earlier attempt, with these bytes or with others. So these are written
    /// under the next name: twice in the archive is better than never.
    async fn put(
        &self,
        kind: Kind,
        body: Vec<u8>,
        now: OffsetDateTime,
    ) -> Result<String, PutError> {
        let mut object = NewObject {
            name: ObjectRef {
                bucket: self.bucket.to_owned(),
                key: String::new(),
            },
            body: body.into(),
            content_type: match kind {
                Kind::Archive => "application/gzip",
                Kind::Rejected => "application/x-ndjson",
            },
            metadata: Vec::new(),
        };
        loop {
            object.name.key = self.next_key(kind, now);
            match put_new(self.s3, &object, PUT_LIMIT).await? {
                PutOutcome::Created => return Ok(object.name.key),
                PutOutcome::AlreadyThere => {}
            }
        }
    }

    fn next_key(&self, kind: Kind, now: OffsetDateTime) -> String {
        let now = now.to_utc();
        let (date, hour, run_id) = (now.date(), now.hour(), self.run_id);
        match kind {
            Kind::Archive => {
                let count = self.archived_count.fetch_add(1, Ordering::Relaxed) + 1;
                let prefix = Pipeline::AppEvents.raw_prefix();
                format!("{prefix}dt={date}/hour={hour:02}/{run_id}-{count}.ndjson.gz")
            }
            Kind::Rejected => {
                let count = self.rejected_count.fetch_add(1, Ordering::Relaxed) + 1;
                let prefix = Pipeline::AppEvents.rejected_prefix();
                format!("{prefix}dt={date}/{run_id}-{count}.ndjson")
            }
        }
    }
}
