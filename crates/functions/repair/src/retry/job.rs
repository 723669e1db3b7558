//! Sends the items of one source again.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_io::{
    gzip::{self, MAX_BATCH_BYTES},
    queue,
    s3::{GetError, NewObject, ObjectRef, get_capped, put_new},
};
use email_senders::to_sparkpost;
use event_model::{
    BatchKey,
    mparticle::{ArchivedMessage, select_events},
    sparkpost::split_items,
};
use time::Date;

use super::{
    item::Piece,
    name::{batch_key, product_key, same_object_key},
};
use crate::{Deps, error::RepairError};

const READ_LIMIT: Duration = Duration::from_secs(10);
const PUT_LIMIT: Duration = Duration::from_secs(10);
/// A notification waits for at most this long, so a batch arrived at most this many days before it was loaded.
const QUEUE_DAYS: usize = 14;
/// What an app event says that it was sent again as.
const FORWARD_QUEUE: &str = "forward_queue";

/// What sends items again; the items of one source are sent together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Job {
    /// Items of a batch that was loaded on a day.
    Batch { loaded_on: Date, batch_key: String },
    /// Items of email batches, whose bytes are known.
    Emails { source: String },
    /// An object of email events, as it is.
    EmailObject { source: String },
    /// Product events, whose bytes are known.
    Products { source: String },
    /// App events of an archived message.
    Message { source: String, message_id: String },
    /// Bodies of app events, whose bytes are known.
    Bodies { source: String },
}

/// What is sent.
enum Sending {
    Object { key: String, body: Vec<u8> },
    Messages(Vec<String>),
}

/// What one item becomes: what it is sent again as, or why it cannot be.
type ItemResult = Result<String, String>;

/// Why pieces cannot be sent, by their positions among all pieces.
type Problems = BTreeMap<usize, String>;

/// Sends the pieces again; in a dry run, only reads them. Returns a result for each.
pub(super) async fn run_job(
    deps: &Deps,
    job: &Job,
    pieces: &[(usize, Piece)],
    dry_run: bool,
) -> Result<Vec<ItemResult>, RepairError> {
    let (sending, problems) = prepare(deps, job, pieces).await?;
    let retried_as = match &sending {
        Sending::Object { key, .. } => key.clone(),
        Sending::Messages(_) => FORWARD_QUEUE.to_owned(),
    };
    if !dry_run {
        send(deps, sending).await?;
    }
    let results = (0..pieces.len()).map(|position| match problems.get(&position) {
        Some(problem) => Err(problem.clone()),
        None => Ok(retried_as.clone()),
    });
    Ok(results.collect())
}

/// What to send, and what cannot be sent.
async fn prepare(
    deps: &Deps,
    job: &Job,
    pieces: &[(usize, Piece)],
) -> Result<(Sending, Problems), RepairError> {
    let today = (deps.clock)().to_utc().date();
    let bytes = || pieces.iter().filter_map(|(_, piece)| piece.bytes());
    let object = |key, content: &[u8]| Sending::Object {
        key,
        body: gzip::encode(content),
    };
    let none = Problems::new();
    Ok(match job {
        Job::Batch {
            loaded_on,
            batch_key: loaded_as,
        } => {
            let is_read = pieces.iter().any(|(_, piece)| piece.bytes().is_none());
            let (source, content) = if is_read {
                read_batch(deps, *loaded_on, loaded_as).await?
            } else {
                (batch_object(*loaded_on, loaded_as), Vec::new())
            };
            let (body, missing) = select_items(content, pieces);
            let problems = problems_of(pieces, &missing);
            (object(batch_key(&source, &body, today), &body), problems)
        }
        Job::Emails { source } => {
            let body = array_of(bytes());
            (object(batch_key(source, &body, today), &body), none)
        }
        Job::EmailObject { source } => {
            let body = read(deps, source).await?;
            let key = same_object_key(source, &body, today);
            (Sending::Object { key, body }, none)
        }
        Job::Products { source } => {
            let content: Vec<u8> = bytes().collect::<Vec<_>>().join(&b'\n');
            (object(product_key(source, &content), &content), none)
        }
        Job::Message { source, message_id } => {
            let body = read_message(deps, source, message_id).await?;
            let (bodies, lost) = select_meant(&body, pieces);
            let problem = format!(
                "message {message_id} of {source} was changed after this was rejected, as an erasure does, and it is not clear which of its events is meant: nothing is sent. Look there, and settle this item",
            );
            let problems = lost.into_iter().map(|position| (position, problem.clone()));
            (Sending::Messages(bodies), problems.collect())
        }
        Job::Bodies { .. } => {
            let bodies = bytes().map(|body| String::from_utf8(body.to_vec()));
            let bodies = bodies.collect::<Result<_, _>>().map_err(|_| {
                RepairError::Impossible("it is not UTF-8, which a queue does not take".to_owned())
            })?;
            (Sending::Messages(bodies), none)
        }
    })
}

impl Piece {
    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Whole | Self::Ordinal(_) | Self::Event(_) => None,
        }
    }

    fn ordinal(&self) -> Option<u32> {
        match self {
            Self::Ordinal(ordinal) => Some(*ordinal),
            Self::Whole | Self::Event(_) | Self::Bytes(_) => None,
        }
    }
}

/// A batch of the items of `content` that are meant, each once, and the numbers of those that it does not have. The whole batch, if an item
/// stands for several: what is stored already is a duplicate.
fn select_items(content: Vec<u8>, pieces: &[(usize, Piece)]) -> (Vec<u8>, BTreeSet<u32>) {
    if pieces.iter().any(|(_, piece)| *piece == Piece::Whole) {
        return (content, BTreeSet::new());
    }
    let mut missing: BTreeSet<u32> = pieces
        .iter()
        .filter_map(|(_, piece)| piece.ordinal())
        .collect();
    let mut selected: Vec<&[u8]> = split_items(&content)
        .filter(|(ordinal, _)| missing.remove(ordinal))
        .map(|(_, raw)| raw)
        .collect();
    for bytes in pieces.iter().filter_map(|(_, piece)| piece.bytes()) {
        if !selected.contains(&bytes) {
            selected.push(bytes);
        }
    }
    (array_of(selected.into_iter()), missing)
}

fn problems_of(pieces: &[(usize, Piece)], missing: &BTreeSet<u32>) -> Problems {
    let pieces = pieces.iter().enumerate();
    pieces
        .filter_map(|(position, (_, piece))| {
            let ordinal = piece
                .ordinal()
                .filter(|ordinal| missing.contains(ordinal))?;
            Some((position, format!("its source has no item {ordinal}")))
        })
        .collect()
}

/// Bodies of the events of a message that are meant, each once, and the positions of pieces that are none of its events.
fn select_meant(body: &str, pieces: &[(usize, Piece)]) -> (Vec<String>, Vec<usize>) {
    let mut found = BTreeSet::new();
    let mut lost = Vec::new();
    for (position, (_, piece)) in pieces.iter().enumerate() {
        if let Piece::Event(event) = piece {
            match event.find_in(body) {
                Some(ordinal) => {
                    found.insert(ordinal);
                }
                None => lost.push(position),
            }
        }
    }
    (select_events(body, &found), lost)
}

fn array_of<'a>(items: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let items: Vec<&[u8]> = items.collect();
    [b"[".as_slice(), &items.join(&b','), b"]"].concat()
}

/// The batch and its content, expanded. It arrived on the day of loading, or waited.
async fn read_batch(
    deps: &Deps,
    loaded_on: Date,
    batch_key: &str,
) -> Result<(String, Vec<u8>), RepairError> {
    let days = std::iter::successors(Some(loaded_on), |day| day.previous_day());
    for day in days.take(QUEUE_DAYS + 1) {
        let key = batch_object(day, batch_key);
        match get_capped(&deps.s3, &named(deps, &key), MAX_BATCH_BYTES, READ_LIMIT).await {
            Ok(object) => {
                let body = expand(&object, &key)?;
                let delivery = deps.senders.delivery(&key).await?;
                let events = to_sparkpost(delivery.as_ref(), &body).into_owned();
                return Ok((key, events));
            }
            Err(GetError::Missing { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(RepairError::Impossible(format!(
        "the archive has no batch {batch_key} of {loaded_on} or the {QUEUE_DAYS} days before"
    )))
}

fn batch_object(day: Date, batch_key: &str) -> String {
    BatchKey::parse(batch_key).map_or_else(String::new, |key| key.object_key(day))
}

async fn read_message(deps: &Deps, source: &str, message_id: &str) -> Result<String, RepairError> {
    let archived = expand(&read(deps, source).await?, source)?;
    let mut lines = archived.split(|byte| *byte == b'\n');
    let body = lines.find_map(|line| {
        let message: ArchivedMessage<'_> = serde_json::from_slice(line).ok()?;
        (message.message_id == message_id).then(|| message.body.into_owned())
    });
    body.ok_or_else(|| RepairError::Impossible(format!("{source} has no message {message_id}")))
}

fn expand(object: &[u8], key: &str) -> Result<Vec<u8>, RepairError> {
    gzip::decode_capped(object, MAX_BATCH_BYTES)
        .map_err(|error| RepairError::Impossible(format!("{key}: {}", function_kit::chain(&error))))
}

async fn read(deps: &Deps, key: &str) -> Result<Vec<u8>, RepairError> {
    let read = get_capped(&deps.s3, &named(deps, key), MAX_BATCH_BYTES, READ_LIMIT).await;
    read.map_err(|error| match error {
        GetError::Missing { .. } => {
            RepairError::Impossible(format!("the object {key} is not there"))
        }
        GetError::TooLarge { .. } => RepairError::Impossible(format!(
            "the object {key} has more than 32 MiB: nothing loads such an object"
        )),
        error => error.into(),
    })
}

fn named(deps: &Deps, key: &str) -> ObjectRef {
    ObjectRef {
        bucket: deps.config.bucket.clone(),
        key: key.to_owned(),
    }
}

async fn send(deps: &Deps, sending: Sending) -> Result<(), RepairError> {
    match sending {
        Sending::Object { key, body } => {
            let object = NewObject {
                name: named(deps, &key),
                body: body.into(),
                content_type: "application/gzip",
                metadata: Vec::new(),
            };
            put_new(&deps.s3, &object, PUT_LIMIT).await?;
        }
        Sending::Messages(bodies) => {
            let Some(queue_url) = &deps.config.forward_queue_url else {
                return Err(RepairError::Impossible(
                    "this stack forwards no app events (EnableForwarder)".to_owned(),
                ));
            };
            for body in bodies {
                queue::send(&deps.sqs, queue_url, &body).await?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::meant_event::MeantEvent, *};

    fn select(content: &str, pieces: &[Piece]) -> (String, Vec<u32>) {
        let pieces: Vec<_> = pieces.iter().cloned().enumerate().collect();
        let (body, missing) = select_items(content.as_bytes().to_vec(), &pieces);
        (
            String::from_utf8(body).unwrap(),
            missing.into_iter().collect(),
        )
    }

    #[test]
    fn items_of_a_batch_are_a_batch_of_their_own() {
        let batch = r#"[{"msys":{}}, 7, {"a": "é"}]"#;

        let two = select(
            batch,
            &[Piece::Ordinal(2), Piece::Ordinal(1), Piece::Ordinal(9)],
        );
        let all = select(batch, &[Piece::Ordinal(1), Piece::Whole]);
        let known = [b"7".to_vec(), b"8".to_vec()].map(Piece::Bytes);
        let once = select(batch, &[&[Piece::Ordinal(1)][..], &known].concat());

        assert_eq!(two, (r#"[7,{"a": "é"}]"#.to_owned(), vec![9]));
        assert_eq!(all, (batch.to_owned(), vec![]));
        assert_eq!(once, ("[7,8]".to_owned(), vec![]));
    }

    #[test]
    fn events_of_a_message_are_sent_by_what_their_lines_show() {
        let event = |n: u32| format!(r#"{{"event_type":"custom_event","data":{{"n":{n}}}}}"#);
        let piece = |ordinal, n| Piece::Event(MeantEvent::new(ordinal, Some(event(n))));
        // The batch of another person had the ordinals 0 and 1.
        let rewritten = format!(
            r#"[{{"mpid":2,"events":[{},{},{}]}}]"#,
            event(2),
            event(3),
            event(4)
        );
        let pieces: Vec<_> = [piece(2, 2), piece(4, 4), piece(0, 0), piece(2, 2)]
            .into_iter()
            .enumerate()
            .collect();

        let (bodies, lost) = select_meant(&rewritten, &pieces);

        let expected = format!(r#"{{"mpid":2,"events":[{},{}]}}"#, event(2), event(4));
        assert_eq!((bodies, lost), (vec![expected], vec![2]));
    }

    #[test]
    fn the_rest_of_a_broken_batch_stays_broken() {
        let (body, missing) = select(r#"[1, {"a":"#, &[Piece::Ordinal(1)]);

        assert_eq!((body.as_str(), missing), (r#"[{"a":]"#, vec![]));
    }
}
