//! The lines under `rejected/` in S3, read one after the other, so that no page holds more than one object's part in memory.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use aws_io::{
    Aws, S3Client,
    s3::{
        GetError, ObjectRef, get_capped, get_range,
        listing::{ListError, Listed, list, list_after, list_folders},
    },
};
use event_model::{
    Pipeline,
    rejected::{MARKS_PREFIX, Mark, StoredLine, marks_prefix},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use time::{Date, OffsetDateTime, macros::format_description};
use tokio::sync::OnceCell;

/// The bucket, and its client once somebody has asked for rejected items: searches need none.
#[derive(Clone)]
pub struct RejectedObjects {
    bucket: String,
    client: Arc<OnceCell<S3Client>>,
}

/// How long one request to S3 may take.
const LIMIT: Duration = Duration::from_secs(5);
/// What is read of an object at once, unless a line is longer.
const PART_BYTES: usize = 1024 * 1024;
/// An object of marks has at most a thousand, of some hundred bytes each.
const MAX_MARKS_BYTES: usize = 8 * 1024 * 1024;
const PARALLEL_READS: usize = 16;
/// No line is longer: the archiver, which writes the longest, ends an object at 64 MiB.
const MAX_LINE_BYTES: usize = 96 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ObjectsError {
    #[error(transparent)]
    List(#[from] ListError),
    #[error(transparent)]
    Get(#[from] GetError),
}

impl RejectedObjects {
    /// The rejected items of this bucket, read with the credentials of the process.
    pub fn new(bucket: String) -> Self {
        Self {
            bucket,
            client: Arc::default(),
        }
    }

    /// The same with a client that there is.
    pub fn with_client(bucket: String, client: S3Client) -> Self {
        Self {
            bucket,
            client: Arc::new(OnceCell::new_with(Some(client))),
        }
    }

    async fn client(&self) -> &S3Client {
        self.client
            .get_or_init(async || Aws::from_env().await.s3())
            .await
    }

    /// The days from `first` to `last` that have rejected items, in their order.
    pub(super) async fn days(
        &self,
        pipeline: Pipeline,
        first: Date,
        last: Date,
    ) -> Result<Vec<Date>, ObjectsError> {
        let prefix = pipeline.rejected_prefix();
        // Folders come after this text and before the next day's.
        let after = format!("{prefix}dt={}", first.previous_day().unwrap_or(first));
        let folders =
            list_folders(self.client().await, &self.bucket, prefix, &after, LIMIT).await?;
        let days = folders.iter().filter_map(|folder| day_of(folder, prefix));
        Ok(days.filter(|day| (first..=last).contains(day)).collect())
    }

    /// The first objects of a day after a key.
    pub(super) async fn objects(
        &self,
        pipeline: Pipeline,
        day: Date,
        after: Option<&str>,
    ) -> Result<Vec<Listed>, ObjectsError> {
        let prefix = format!("{}dt={day}/", pipeline.rejected_prefix());
        let client = self.client().await;
        Ok(list_after(client, &self.bucket, &prefix, after, LIMIT).await?)
    }

    /// The marks of the items of a day, the last of each.
    pub(super) async fn marks(
        &self,
        pipeline: Pipeline,
        day: Date,
    ) -> Result<HashMap<String, Mark>, ObjectsError> {
        let prefix = marks_prefix(pipeline, day);
        let client = self.client().await;
        // Their names are in the order of time.
        let listed = list(client, &self.bucket, &prefix, LIMIT).await?;
        let reads = listed.into_iter().map(|object| async {
            let name = ObjectRef {
                bucket: self.bucket.clone(),
                key: object.key,
            };
            match get_capped(client, &name, MAX_MARKS_BYTES, LIMIT).await {
                // Retention has removed it since it was listed.
                Err(GetError::Missing { .. }) => Ok(Vec::new()),
                read => read,
            }
        });
        let mut objects = stream::iter(reads).buffered(PARALLEL_READS);
        let mut marks = HashMap::new();
        while let Some(object) = objects.try_next().await? {
            let lines = object.split(|byte| *byte == b'\n');
            let read = lines.filter_map(|line| serde_json::from_slice::<Mark>(line).ok());
            marks.extend(read.map(|mark| (mark.id.clone(), mark)));
        }
        Ok(marks)
    }

    /// How many rows of `email_events_rejected` were marked, by the day (`YYYY-MM-DD`, UTC) on which they were rejected.
    pub(crate) async fn marked_rows(&self) -> Result<HashMap<String, u64>, ObjectsError> {
        let pipeline = Pipeline::EmailEvents;
        let prefix = format!("{MARKS_PREFIX}{}/", pipeline.name());
        let client = self.client().await;
        let folders = list_folders(client, &self.bucket, &prefix, "", LIMIT).await?;
        let mut counts = HashMap::new();
        for day in folders.iter().filter_map(|folder| day_of(folder, &prefix)) {
            let marks = self.marks(pipeline, day).await?;
            let rows = marks.keys().filter(|id| id.starts_with("row"));
            counts.insert(day.to_string(), u64::try_from(rows.count()).unwrap_or(0));
        }
        Ok(counts)
    }

    /// When an object was written: that of a page that begins in the middle of it.
    pub(super) async fn written_at(
        &self,
        key: &str,
    ) -> Result<Option<OffsetDateTime>, ObjectsError> {
        let client = self.client().await;
        let listed = list_after(client, &self.bucket, key, None, LIMIT).await?;
        let object = listed.into_iter().find(|object| object.key == key);
        Ok(object.and_then(|object| object.last_modified))
    }

    /// Opens an object at the beginning of a line.
    pub(super) fn open(
        &self,
        key: String,
        written_at: Option<OffsetDateTime>,
        at: u64,
    ) -> Lines<'_> {
        Lines {
            objects: self,
            name: ObjectRef {
                bucket: self.bucket.clone(),
                key,
            },
            written_at,
            part: Vec::new(),
            used: 0,
            part_begins: at,
            is_last_part: false,
        }
    }
}

impl fmt::Debug for RejectedObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RejectedObjects")
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

/// A line and where it is, in bytes from the start of the object.
pub(super) struct Position {
    pub(super) line: StoredLine,
    pub(super) begin: u64,
    pub(super) end: u64,
}

/// The lines of one object.
pub(super) struct Lines<'a> {
    objects: &'a RejectedObjects,
    pub(super) name: ObjectRef,
    pub(super) written_at: Option<OffsetDateTime>,
    part: Vec<u8>,
    used: usize,
    part_begins: u64,
    is_last_part: bool,
}

impl Lines<'_> {
    /// The next line and where it is; `None` at the end of the object. What is not a line of JSON is passed over.
    pub(super) async fn next(&mut self) -> Result<Option<Position>, ObjectsError> {
        loop {
            let rest = self.part.get(self.used..).unwrap_or_default();
            let end = rest.iter().position(|byte| *byte == b'\n');
            let length = match end {
                Some(end) => end + 1,
                None if self.is_last_part && rest.is_empty() => return Ok(None),
                None if self.is_last_part => rest.len(),
                None => {
                    self.read_on().await?;
                    continue;
                }
            };
            let line = rest.get(..length).unwrap_or_default();
            let line = StoredLine::read(line);
            let begin = self.part_begins + offset(self.used);
            self.used += length;
            if let Some(line) = line {
                let end = self.part_begins + offset(self.used);
                return Ok(Some(Position { line, begin, end }));
            }
        }
    }

    /// Reads the next part from the beginning of the line on, and more of it when the line filled the last one.
    async fn read_on(&mut self) -> Result<(), ObjectsError> {
        let is_longer = self.used == 0 && !self.part.is_empty();
        let wanted = if is_longer {
            self.part.len().saturating_mul(4).min(MAX_LINE_BYTES)
        } else {
            PART_BYTES
        };
        self.part_begins += offset(self.used);
        self.used = 0;
        let had = if is_longer { self.part.len() } else { 0 };
        self.part = Vec::new();
        let client = self.objects.client().await;
        self.part = match get_range(client, &self.name, self.part_begins, wanted, LIMIT).await {
            Ok(part) => part,
            // Retention has removed it since it was listed.
            Err(GetError::Missing { .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        self.is_last_part = self.part.len() < wanted || self.part.len() == had;
        Ok(())
    }
}

/// The day of a folder `<prefix>dt=YYYY-MM-DD/`.
fn day_of(folder: &str, prefix: &str) -> Option<Date> {
    let day = folder.strip_prefix(prefix)?.strip_prefix("dt=")?;
    let day = day.strip_suffix('/')?;
    Date::parse(day, format_description!("[year]-[month]-[day]")).ok()
}

fn offset(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
