//! The rows that are left of a file of the lake are those of the raw object that is left, also when mentions go.

use erasure::{Names as _, Person, is_mentioned_in_column, is_row_theirs, owner_column, rewrite};
use event_model::{Pipeline, mparticle::ArchivedMessage};
use lake_files::{Merge, Source, convert};
use lake_schema::{FileId, Table};
use proptest::{collection::vec, prelude::*};
use time::macros::{date, datetime};

use crate::lake::{COLUMN_BYTES, joined, members, names};

/// A row, by the column of its owner and what has no column.
type Row = (Option<String>, Option<String>);

fn jane(is_deep: bool) -> Person {
    let jane = Person::new(&["jane@x.org"], &["u-1001", "4711000"]).unwrap();
    if is_deep { jane.deep().unwrap() } else { jane }
}

/// The files that an object becomes.
fn files(pipeline: Pipeline, object: &[u8]) -> Vec<Vec<u8>> {
    let source = Source {
        key: "raw/x",
        arrival: datetime!(2026-01-02 12:00 UTC),
        first_day: date!(2020 - 01 - 01),
        delivery: None,
    };
    let converted = convert(&Table::of(pipeline), source, object, Vec::new()).unwrap();
    let parts = converted.parts.into_iter();
    parts.map(|part| part.bytes).collect()
}

/// Opens a file.
fn merge(pipeline: Pipeline, file: &[u8]) -> Merge {
    let mut merge = Merge::new(Table::of(pipeline), std::env::temp_dir(), COLUMN_BYTES);
    merge.add(file).unwrap();
    merge
}

fn rows(pipeline: Pipeline, files: &[Vec<u8>]) -> Vec<Row> {
    let mut rows = Vec::new();
    for file in files {
        let note = |owner: Option<&str>, extra: Option<&str>| {
            rows.push((owner.map(str::to_owned), extra.map(str::to_owned)));
            false
        };
        let owner = owner_column(pipeline);
        merge(pipeline, file)
            .finish_without(|| Ok(std::io::sink()), FileId::NONE, owner, note)
            .unwrap();
    }
    rows
}

/// The files without Jane's rows, as the eraser writes them.
fn without_jane(pipeline: Pipeline, files: Vec<Vec<u8>>, jane: &Person) -> Vec<Vec<u8>> {
    let without = |file: Vec<u8>| {
        let done = merge(pipeline, &file).finish_without_mentions(
            || Ok(Vec::new()),
            FileId::NONE,
            owner_column(pipeline),
            |owner, extra| is_row_theirs(pipeline, owner, extra, jane),
            |column, text| jane.erases_mentions() && is_mentioned_in_column(column, text, jane),
        );
        done.unwrap().out.unwrap_or(file)
    };
    files.into_iter().map(without).collect()
}

/// Erases Jane from the object and, by itself, from the files that it had become.
fn check(pipeline: Pipeline, object: &str, is_deep: bool) -> Result<(), TestCaseError> {
    let jane = jane(is_deep);
    let before = files(pipeline, object.as_bytes());
    let rewritten = rewrite(pipeline, object.as_bytes(), &jane).unwrap();
    let left = rewritten
        .bytes
        .unwrap_or_else(|| object.as_bytes().to_vec());

    let from_files = rows(pipeline, &without_jane(pipeline, before, &jane));

    prop_assert_eq!(
        from_files,
        rows(pipeline, &files(pipeline, &left)),
        "{}",
        object
    );
    Ok(())
}

/// Names, and texts with one.
fn texts() -> Vec<&'static str> {
    let mentions = vec![
        r#""to Jane@X.org, hello""#,
        r#""https:\/\/y.example\/?u=jane%40x.org""#,
        r#""https://y.example/?u=amFuZUB4Lm9yZw""#,
        r#""{\"to\":\"jane@x.org\"}""#,
        r#"{"in":[{"deep":"u-1001"}]}"#,
        r#"{"jane@x.org":1}"#,
        r#""4711000""#,
        "4711000",
        r#""new-u-1001""#,
        r#""jane@x.org.br""#,
        r#""hello""#,
    ];
    [names(), mentions].concat()
}

proptest! {
    #[test]
    fn of_product_events(
        records in vec(
            members(
                vec!["userId", "USER_ID", "distinct_id", "event", "url", "referrer", "sessionId", "eventId", "note", "geo", "jane@x.org"],
                texts(),
            ),
            1..4,
        ),
        is_deep in any::<bool>(),
    ) {
        let records: Vec<String> = records.iter().map(|record| format!("{{{record}}}\n")).collect();

        check(Pipeline::ProductEvents, &records.concat(), is_deep)?;
    }

    #[test]
    fn of_email_events(
        elements in vec(
            (
                members(vec!["cust", "note"], texts()),
                members(
                    vec!["rcpt_to", "Raw_Rcpt_To", "subject", "target_link_url", "friendly_from", "type", "event_id", "x", "jane@x.org"],
                    texts(),
                ),
                members(vec!["user_id", "x"], texts()),
            ),
            1..4,
        ),
        is_deep in any::<bool>(),
    ) {
        let elements = elements.into_iter().map(|(outer, event, meta)| {
            let event = joined(&[event, format!(r#""rcpt_meta":{{{meta}}}"#)]);
            format!("{{{}}}", joined(&[outer, format!(r#""msys":{{"class":{{{event}}}}}"#)]))
        });
        let elements: Vec<String> = elements.collect();

        check(Pipeline::EmailEvents, &format!("[{}]", elements.join(",")), is_deep)?;
    }

    #[test]
    fn of_app_events(
        batches in vec(
            (
                members(vec!["mpid", "environment", "batch_id", "user_attributes", "x"], texts()),
                members(vec!["email", "customer_id"], names()),
                vec(members(vec!["event_name", "source_message_id", "event_id", "session_id", "custom_attributes"], texts()), 0..4),
            ),
            1..3,
        ),
        is_list in any::<bool>(),
        is_deep in any::<bool>(),
    ) {
        let batches = batches.into_iter().map(|(ids, identities, events)| {
            let events: Vec<String> = events
                .into_iter()
                .map(|data| format!(r#"{{"event_type":"custom_event","data":{{{data}}}}}"#))
                .collect();
            let identities = format!(r#""user_identities":{{{identities}}}"#);
            let events = format!(r#""events":[{}]"#, events.join(","));
            format!("{{{}}}", joined(&[ids, identities, events]))
        });
        let batches: Vec<String> = batches.collect();
        let bodies = if is_list { vec![format!("[{}]", batches.join(","))] } else { batches };
        let messages = bodies.iter().map(|body| {
            let message = ArchivedMessage::new("m", 1_767_355_200_000, body);
            serde_json::to_string(&message).unwrap() + "\n"
        });
        let messages: Vec<String> = messages.collect();

        check(Pipeline::AppEvents, &messages.concat(), is_deep)?;
    }
}
