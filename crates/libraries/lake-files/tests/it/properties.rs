//! Any mixture of events and damage, against a reference that works on what was generated, not on bytes.

use event_model::Pipeline;
use lake_schema::Table;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    lake::{SOURCE, outcome},
    rows::Row,
};

/// A value, and whether a column of each type takes it.
#[derive(Clone, Debug)]
struct Sent {
    text: String,
    string: Option<String>,
    number: Option<f64>,
    whole: Option<i64>,
    boolean: Option<bool>,
    is_null: bool,
}

#[derive(Clone, Debug)]
enum Item {
    Event(Vec<(String, Sent)>),
    Junk(String),
}

const KEYS: [&str; 7] = ["event", "at", "count", "price", "paid", "ip", "Event"];

fn table() -> Table {
    Table::parse(
        Pipeline::ProductEvents,
        r#"{
            "columns": [
                { "name": "event", "type": "string", "from": ["event"], "comment": "" },
                { "name": "at", "type": "timestamp", "from": ["at"], "comment": "" },
                { "name": "count", "type": "bigint", "from": ["count"], "comment": "" },
                { "name": "price", "type": "double", "from": ["price"], "comment": "" },
                { "name": "paid", "type": "boolean", "from": ["paid"], "comment": "" }
            ],
            "event_time": "at",
            "sort": []
        }"#,
    )
    .unwrap()
}

fn sent(text: String) -> Sent {
    let value: Value = serde_json::from_str(&text).unwrap();
    Sent {
        string: value.as_str().map(str::to_owned),
        number: value.as_f64(),
        whole: text.parse().ok().filter(|_| value.is_number()),
        boolean: value.as_bool(),
        is_null: value.is_null(),
        text,
    }
}

fn value() -> impl Strategy<Value = Sent> {
    prop_oneof![
        "[a-z]{0,3}".prop_map(|text| format!("\"{text}\"")),
        ".{0,6}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        any::<i64>().prop_map(|number| number.to_string()),
        (-1e6..1e6).prop_map(|number: f64| format!("{number:.3}")),
        proptest::sample::select(vec![
            "true",
            "false",
            "null",
            "{}",
            "[1, 2]",
            "{\"a\": {\"b\": null}}",
            "1e3",
            "-0",
            "\"2026-01-01 10:00:00\"",
            "\"2026-01-02T01:02:03.004Z\"",
            "1767312000",
            "\"1999-01-01\"",
        ])
        .prop_map(str::to_owned),
    ]
    .prop_map(sent)
}

fn item() -> impl Strategy<Value = Item> {
    let event = proptest::collection::vec((proptest::sample::select(KEYS.to_vec()), value()), 1..6);
    prop_oneof![
        9 => event.prop_map(|fields| Item::Event(
            fields.into_iter().map(|(key, sent)| (key.to_owned(), sent)).collect()
        )),
        1 => proptest::sample::select(vec!["hello", "42", "{\"event\":\"cut", "{}", "\0", "{\"a\":}"])
            .prop_map(|text| Item::Junk(text.to_owned())),
    ]
}

fn text(event: &[(String, Sent)]) -> String {
    let members: Vec<String> = event
        .iter()
        .map(|(key, sent)| format!("\"{key}\":{}", sent.text))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// What an event is meant to become, decided member by member.
fn expected_row(event: &[(String, Sent)]) -> Row {
    let mut row = Row::new();
    let mut taken = Vec::new();
    let mut extra = Vec::new();
    let mut sent_time = None;
    for (key, sent) in event {
        let column = key.to_ascii_lowercase();
        let value: Option<Value> = match column.as_str() {
            "event" => sent.string.clone().map(Value::from),
            "at" => instant(sent).map(Value::from),
            "count" => sent.whole.map(Value::from),
            "price" => sent.number.map(Value::from),
            "paid" => sent.boolean.map(Value::from),
            _ => None,
        };
        let is_column = column != "ip";
        if is_column && !taken.contains(&column) && (sent.is_null || value.is_some()) {
            // NULL leaves the column to the next value.
            if let Some(value) = value {
                if column == "at" {
                    sent_time = Some(sent.text.clone());
                }
                row.insert(column.clone(), value);
                taken.push(column);
            }
        } else {
            extra.push(format!("\"{key}\":{}", sent.text));
        }
    }
    let earliest = 1_577_836_800_000;
    let arrival = SOURCE.arrival.unix_timestamp() * 1000;
    let time = row.get("at").and_then(Value::as_i64);
    let is_clamped = !time.is_some_and(|time| (earliest..=arrival + 86_400_000).contains(&time));
    if is_clamped {
        row.insert("at".to_owned(), arrival.into());
        extra.extend(sent_time.map(|text| format!("\"at\":{text}")));
    }
    row.insert("_clamped".to_owned(), is_clamped.into());
    if !extra.is_empty() {
        row.insert(
            "_extra".to_owned(),
            format!("{{{}}}", extra.join(",")).into(),
        );
    }
    let day =
        time::OffsetDateTime::from_unix_timestamp(row["at"].as_i64().unwrap().div_euclid(1000))
            .unwrap();
    row.insert("dt".to_owned(), day.date().to_string().into());
    row
}

fn instant(sent: &Sent) -> Option<i64> {
    if let Some(number) = sent.number {
        let size = number.abs();
        let micros = match () {
            () if size < 1e11 => number * 1e6,
            () if size < 1e14 => number * 1e3,
            () if size < 1e17 => number,
            () => number / 1e3,
        };
        let years = -62_167_219_200_000_000_i64..=253_402_300_799_999_999;
        let micros = micros.round() as i64;
        return years.contains(&micros).then(|| micros.div_euclid(1_000));
    }
    let known = json!({
        "2026-01-01 10:00:00": 1_767_261_600_000_i64,
        "2026-01-02T01:02:03.004Z": 1_767_315_723_004_i64,
        "1999-01-01": 915_148_800_000_i64,
    });
    known[sent.string.as_ref()?].as_i64()
}

fn by_day(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_key(|row| row["dt"].as_str().unwrap().to_owned());
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_event_becomes_the_row_it_should_and_everything_else_is_rejected(
        items in proptest::collection::vec(item(), 0..40),
        newline in proptest::sample::select(vec!["\n", "\r\n", "\n\n", "\n \n"]),
    ) {
        let input: String = items
            .iter()
            .map(|item| match item {
                Item::Event(event) => text(event) + newline,
                Item::Junk(junk) => format!("{junk}{newline}"),
            })
            .collect();

        let outcome = outcome(&table(), input.as_bytes());

        let events = items.iter().filter_map(|item| match item {
            Item::Event(event) => Some(expected_row(event)),
            Item::Junk(_) => None,
        });
        prop_assert_eq!(outcome.rows, by_day(events.collect()));
        let junk: Vec<&str> = items
            .iter()
            .filter_map(|item| match item {
                Item::Event(_) => None,
                Item::Junk(junk) => Some(junk.as_str()),
            })
            .collect();
        let rejected: Vec<&str> = outcome.rejected.iter().map(|line| line["item"].as_str().unwrap()).collect();
        prop_assert_eq!(rejected, junk);
        for line in &outcome.rejected {
            let offset = usize::try_from(line["offset"].as_u64().unwrap()).unwrap();
            prop_assert!(input[offset..].starts_with(line["item"].as_str().unwrap()));
        }
    }

    /// Concatenated events: what Firehose delivers when nobody adds a line's end.
    #[test]
    fn events_need_nothing_between_them(events in proptest::collection::vec(
        proptest::collection::vec((proptest::sample::select(KEYS.to_vec()), value()), 1..4), 0..20,
    )) {
        let events: Vec<Vec<(String, Sent)>> = events
            .into_iter()
            .map(|event| event.into_iter().map(|(key, sent)| (key.to_owned(), sent)).collect())
            .collect();
        let input: String = events.iter().map(|event| text(event)).collect();

        let outcome = outcome(&table(), input.as_bytes());

        prop_assert_eq!(outcome.rejected, Vec::<Value>::new());
        prop_assert_eq!(outcome.rows, by_day(events.iter().map(|event| expected_row(event)).collect()));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        outcome(&table(), &bytes);
    }
}
