//! track and the lake recognize the same event ids.

use bytes::Bytes;
use lake_files::{Source, convert};
use lake_schema::Table;
use parquet::{
    file::reader::{FileReader as _, SerializedFileReader},
    record::Field,
};
use proptest::prelude::*;
use time::macros::{date, datetime};

use crate::{firehose::Firehose, rig::Rig};

/// The ids of the rows that the lake derives from some events.
fn ids_in_the_lake(events: &str) -> Vec<Option<String>> {
    let source = Source {
        key: "raw/track/dt=2026-03-01/hour=12/x",
        arrival: datetime!(2026-03-01 12:00 UTC),
        first_day: date!(2026 - 01 - 01),
        delivery: None,
    };
    let converted = convert(
        &Table::product_events(),
        source,
        events.as_bytes(),
        Vec::new(),
    )
    .unwrap();
    assert_eq!(converted.rejected_count, 0, "{events}");
    let mut ids = Vec::new();
    for part in converted.parts {
        let reader = SerializedFileReader::new(Bytes::from(part.bytes)).unwrap();
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let id = row.get_column_iter().find(|(name, _)| *name == "eventid");
            ids.push(match id {
                Some((_, Field::Str(id))) => Some(id.clone()),
                _ => None,
            });
        }
    }
    ids
}

fn key() -> impl Strategy<Value = String> {
    let table = Table::product_events();
    let known: Vec<String> = table.event_id_paths().map(str::to_owned).collect();
    prop_oneof![
        4 => prop::sample::select(known),
        1 => prop::sample::select(vec!["EVENTID", "messageid", "Uuid", "event\\u0049d", "\\u0075uid", "id", "event", "geo", "$id"])
            .prop_map(str::to_owned),
        1 => "[a-zA-Z$_]{0,4}",
    ]
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -!#-\\[\\]-~]{0,3}".prop_map(|text| format!("\"{text}\"")),
        any::<i64>().prop_map(|number| number.to_string()),
        prop::sample::select(vec![
            "\"\"",
            "null",
            "true",
            "{}",
            "{\"uuid\":\"inner\"}",
            "[1]",
            "0",
            "-0",
            "1.50",
            "1e999",
            "-1E-2",
            "123456789012345678901234567890",
            "\"\\u0041\\\"\"",
            "\"\\ud83d\"",
            "\" \"",
        ])
        .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_id_is_added_exactly_where_the_lake_would_read_none(
        events in prop::collection::vec(prop::collection::vec((key(), value(), prop::sample::select(vec!["", " ", "\n"])), 1..5), 1..6),
    ) {
        let events: Vec<String> = events
            .iter()
            .map(|members| {
                let members = members.iter().map(|(key, value, space)| format!("\"{key}\":{space}{value}{space}"));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            })
            // A row of NULLs is not a row.
            .map(|event| event.replacen('{', "{\"event\":\"e\",", 1))
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();

        let stored = runtime.block_on(async {
            let firehose = Firehose::start([]).await;
            let answer = Rig::before(&firehose.url).await.post(events.join("\n")).await;
            assert_eq!(answer.status.as_u16(), 204, "{}", answer.body);
            firehose.taken().concat()
        });

        let stored = String::from_utf8(stored.into_iter().collect()).unwrap();
        let added: Vec<bool> = stored.lines().map(|line| line.split_once("\"eventId\":\"").is_some_and(|(before, id)| {
            // Added members come before the event's own keys.
            !before.contains("\"event\":\"e\"") && id.get(..36).is_some_and(|id| uuid::Uuid::parse_str(id).is_ok())
        })).collect();
        let own = ids_in_the_lake(&events.join("\n"));
        let in_the_lake = ids_in_the_lake(&stored);
        prop_assert_eq!(own.len(), added.len());
        for (index, own) in own.iter().enumerate() {
            prop_assert_eq!(own.is_none(), added[index], "{}", events[index]);
            prop_assert!(in_the_lake[index].is_some());
            if own.is_some() {
                prop_assert_eq!(&in_the_lake[index], own);
            }
        }
    }
}
