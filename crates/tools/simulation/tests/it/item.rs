//! Items: events as a sender knows them, in raw objects and in files of the lake. Read without the code that writes them.

use bytes::Bytes;
use serde_json::Value;
use time::{Date, OffsetDateTime};

use crate::rows::{Row, read};

/// The tables of the lake that schedules fill.
pub(crate) const TABLES: [&str; 2] = ["product_events", "email_events"];

/// An event: compaction leaves one of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Item {
    pub(crate) table: &'static str,
    pub(crate) day: Date,
    pub(crate) id: String,
}

/// What a raw object has.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawContent {
    pub(crate) items: Vec<Item>,
    /// Records that cannot become rows.
    pub(crate) rejected: usize,
}

/// Whether the archiver of a schedule processes such an object: app events are followed to their destination only.
pub(crate) fn is_archived(key: &str) -> bool {
    key.starts_with("raw/track/") || key.starts_with("raw/sparkpost/")
}

/// The table of a raw object.
pub(crate) fn table_of(raw_key: &str) -> &'static str {
    match raw_key.split('/').nth(1) {
        Some("track") => "product_events",
        Some("sparkpost") => "email_events",
        other => panic!("no table has {other:?}"),
    }
}

/// What a raw object has.
pub(crate) fn of_raw(key: &str, body: &Bytes) -> RawContent {
    let table = table_of(key);
    match table {
        "product_events" => of_lines(table, body),
        _ => of_webhook(table, &aws_io::gzip::decode_capped(body, 1 << 20).unwrap()),
    }
}

fn of_lines(table: &'static str, body: &[u8]) -> RawContent {
    let mut content = RawContent::default();
    for line in body
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        match serde_json::from_slice::<Value>(line) {
            Ok(event) => content.items.push(Item {
                table,
                day: lake_schema::layout::parse_day(&text(&event["dateTime"])[..10]).unwrap(),
                id: text(&event["eventId"]),
            }),
            Err(_) => content.rejected += 1,
        }
    }
    content
}

/// What a webhook's body has.
pub(crate) fn of_webhook(table: &'static str, body: &[u8]) -> RawContent {
    let mut content = RawContent::default();
    for element in serde_json::from_slice::<Vec<Value>>(body).unwrap() {
        let event = &element["msys"]["track_event"];
        if event.is_null() {
            content.rejected += 1;
            continue;
        }
        let at: i64 = text(&event["timestamp"]).parse().unwrap();
        content.items.push(Item {
            table,
            day: OffsetDateTime::from_unix_timestamp(at).unwrap().date(),
            id: format!("{} {}", text(&event["type"]), text(&event["event_id"])),
        });
    }
    content
}

/// The items of a file of the lake, each with the id of the file as its row has it.
pub(crate) fn of_file(table: &'static str, day: Date, body: &Bytes) -> Vec<(String, Item)> {
    let rows = read(body.clone()).into_iter();
    rows.map(|row| {
        let id = match table {
            "product_events" => column(&row, "eventid"),
            _ => format!("{} {}", column(&row, "type"), column(&row, "event_id")),
        };
        (column(&row, "_file"), Item { table, day, id })
    })
    .collect()
}

fn column(row: &Row, name: &str) -> String {
    text(row.get(name).unwrap_or(&Value::Null))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
