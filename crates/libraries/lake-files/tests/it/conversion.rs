//! What becomes of one event.

use std::io::Write as _;

use event_model::Pipeline;
use flate2::{Compression, write::GzEncoder};
use lake_files::{Source, convert};
use lake_schema::{FileId, Table};
use serde_json::{Value, json};
use time::macros::{date, datetime};

use crate::{
    lake::{SOURCE, outcome},
    rows::Row,
};

/// A column of each type, and one inside an object.
fn table() -> Table {
    Table::parse(
        Pipeline::ProductEvents,
        r#"{
            "columns": [
                { "name": "event", "type": "string", "from": ["event"], "comment": "" },
                { "name": "at", "type": "timestamp", "from": ["at", "ts"], "comment": "" },
                { "name": "received", "type": "timestamp", "from": ["receivedAt"], "comment": "" },
                { "name": "count", "type": "bigint", "from": ["count"], "comment": "" },
                { "name": "price", "type": "double", "from": ["price"], "comment": "" },
                { "name": "paid", "type": "boolean", "from": ["paid"], "comment": "" },
                { "name": "city", "type": "string", "from": ["geo.city"], "comment": "" }
            ],
            "event_time": "at",
            "arrival": "received",
            "sort": ["event"]
        }"#,
    )
    .unwrap()
}

const AT: i64 = 1_767_312_000_000; // 2026-01-02 00:00 UTC

fn row(event: &str) -> Row {
    let outcome = outcome(&table(), event.as_bytes());
    assert_eq!(outcome.rejected, Vec::<Value>::new(), "{event}");
    let [row] = outcome.rows.try_into().unwrap();
    row
}

/// The row without the columns that say when.
fn row_at(event: &str) -> Row {
    let mut row = row(&event.replacen('{', r#"{"at":"2026-01-02","#, 1));
    assert_eq!(row.remove("at"), Some(AT.into()));
    assert_eq!(row.remove("dt"), Some("2026-01-02".into()));
    assert_eq!(row.remove("_clamped"), Some(false.into()));
    row
}

fn to_row(value: Value) -> Row {
    serde_json::from_value(value).unwrap()
}

#[test]
fn every_type_is_kept() {
    let event = r#"{"event":"buy","count":-9223372036854775808,"price":1.5e3,"paid":true,"geo":{"city":"Zürich"}}"#;

    assert_eq!(
        row_at(event),
        to_row(
            json!({ "event": "buy", "count": i64::MIN, "price": 1500.0, "paid": true, "city": "Zürich" })
        )
    );
    assert_eq!(row_at(r#"{"price":7}"#), to_row(json!({ "price": 7.0 })));
}

#[test]
fn null_and_absent_are_the_same() {
    let nulls = r#"{"event":null,"count":null,"price":null,"paid":null,"geo":null}"#;

    assert_eq!(row_at(nulls), Row::new());
    assert_eq!(row_at(r#"{"geo":{"city":null}}"#), Row::new());
    assert_eq!(row_at(r#"{"geo":{}}"#), Row::new());
}

#[test]
fn escapes_are_undone_in_columns_and_kept_in_extra() {
    assert_eq!(
        row_at(r#"{"event":"a\"\u0041\n\ud83d\ude00\u0000","x":"\u0041\/"}"#),
        to_row(json!({ "event": "a\"A\n\u{1f600}\0", "_extra": r#"{"x":"\u0041\/"}"# }))
    );
}

#[test]
fn what_has_no_column_is_kept_as_it_was_sent() {
    assert_eq!(
        row_at(
            r#"{"x":1.50,"geo":{"zip":[ 1 ],"city":"Bern","at":{"lat":1e2}},"event":"a","y":null}"#
        ),
        to_row(json!({
            "event": "a",
            "city": "Bern",
            "_extra": r#"{"x":1.50,"geo":{"zip":[ 1 ],"at":{"lat":1e2}},"y":null}"#,
        }))
    );
}

#[test]
fn value_of_another_type_is_null_and_kept_in_extra() {
    for (event, column) in [
        (r#"{"event":42}"#, "event"),
        (r#"{"event":{"name":"x"}}"#, "event"),
        (r#"{"event":["x"]}"#, "event"),
        (r#"{"event":true}"#, "event"),
        (r#"{"count":"7"}"#, "count"),
        (r#"{"count":7.0}"#, "count"),
        (r#"{"count":9223372036854775808}"#, "count"),
        (r#"{"price":"1.5"}"#, "price"),
        (r#"{"price":1e999}"#, "price"),
        (r#"{"paid":1}"#, "paid"),
        (r#"{"paid":"true"}"#, "paid"),
        (r#"{"geo":"Bern"}"#, "city"),
        (r#"{"geo":{"city":7}}"#, "city"),
    ] {
        let row = row_at(event);

        assert_eq!(row.get(column), None, "{event}");
        assert_eq!(row.get("_extra"), Some(&event.into()), "{event}");
    }
}

#[test]
fn key_in_another_case_leads_to_its_column() {
    assert_eq!(
        row_at(r#"{"Event":"a","COUNT":1,"Geo":{"City":"Bern"}}"#),
        to_row(json!({ "event": "a", "count": 1, "city": "Bern" }))
    );
    assert_eq!(
        row_at(r#"{"Event":7}"#),
        to_row(json!({ "_extra": r#"{"Event":7}"# }))
    );
}

#[test]
fn first_of_two_values_for_a_column_counts_and_the_other_is_kept() {
    assert_eq!(
        row_at(r#"{"event":"a","event":"b","EVENT":null}"#),
        to_row(json!({ "event": "a", "_extra": r#"{"event":"b","EVENT":null}"# }))
    );
}

/// The definition says `["at", "ts"]`; its order decides, and not the event's.
#[test]
fn first_source_with_a_usable_value_counts_and_the_others_are_kept() {
    for (event, extra) in [
        (
            r#"{"at":"2026-01-02","ts":"2026-01-01"}"#,
            Some(r#"{"ts":"2026-01-01"}"#),
        ),
        (
            r#"{"ts":"2026-01-01","at":"2026-01-02"}"#,
            Some(r#"{"ts":"2026-01-01"}"#),
        ),
        (r#"{"at":null,"ts":"2026-01-02"}"#, None),
        (r#"{"ts":"2026-01-02","at":null}"#, None),
        (r#"{"at":"","ts":"2026-01-02"}"#, Some(r#"{"at":""}"#)),
        (
            r#"{"at":"garbage","ts":"2026-01-02"}"#,
            Some(r#"{"at":"garbage"}"#),
        ),
        (
            r#"{"at":{"$date":1},"ts":1767312000}"#,
            Some(r#"{"at":{"$date":1}}"#),
        ),
        (r#"{"at":0,"ts":"2026-01-02"}"#, Some(r#"{"at":0}"#)),
        (
            r#"{"ts":"2026-01-02","at":"2099-01-01"}"#,
            Some(r#"{"at":"2099-01-01"}"#),
        ),
        (r#"{"at":0,"at":"2026-01-02"}"#, Some(r#"{"at":0}"#)),
    ] {
        let row = row(event);

        assert_eq!(row["at"], AT, "{event}");
        assert_eq!(row["_clamped"], false, "{event}");
        assert_eq!(row.get("_extra").and_then(Value::as_str), extra, "{event}");
    }
}

#[test]
fn time_is_read_in_many_forms() {
    for at in [
        r#""2026-01-02 00:00:00""#,
        r#""2026-01-02T02:00:00.000+02:00""#,
        "1767312000",
        "1767312000000",
        "1767312000.0004",
    ] {
        let row = row(&format!(r#"{{"at":{at}}}"#));

        assert_eq!(
            row,
            to_row(json!({ "at": AT, "dt": "2026-01-02", "_clamped": false })),
            "{at}"
        );
    }
}

#[test]
fn arrival_stands_in_for_a_time_that_cannot_be_and_what_was_sent_is_kept() {
    let arrival = SOURCE.arrival.unix_timestamp() * 1000;
    for (at, kept) in [
        ("1", r#"{"at":1}"#),
        (
            r#""2019-12-31T23:59:59.999Z""#,
            r#"{"at":"2019-12-31T23:59:59.999Z"}"#,
        ),
        (r#""2100-01-01""#, r#"{"at":"2100-01-01"}"#),
        (r#""yesterday""#, r#"{"at":"yesterday"}"#),
        (r#"{"$date":1}"#, r#"{"at":{"$date":1}}"#),
        ("true", r#"{"at":true}"#),
    ] {
        let row = row(&format!(r#"{{"at":{at}}}"#));

        assert_eq!(
            row,
            to_row(json!({ "at": arrival, "dt": "2026-01-02", "_clamped": true, "_extra": kept }))
        );
    }
    assert_eq!(
        row(r#"{"at":null}"#),
        to_row(json!({ "at": arrival, "dt": "2026-01-02", "_clamped": true }))
    );
}

#[test]
fn arrival_written_into_the_event_goes_before_that_of_its_object() {
    let received = AT - 1;

    let row = row(&format!(r#"{{"receivedAt":{received}}}"#));

    assert_eq!(
        row,
        to_row(
            json!({ "at": received, "received": received, "dt": "2026-01-01", "_clamped": true })
        )
    );
}

#[test]
fn late_events_go_to_their_own_day() {
    let outcome = outcome(
        &table(),
        b"{\"at\":\"2026-01-02\"}\n{\"at\":\"2025-12-24\"}\n{\"at\":\"2026-01-03T11:59\"}\n{\"at\":\"2025-12-24\",\"count\":2}",
    );

    let days: Vec<&Value> = outcome.rows.iter().map(|row| &row["dt"]).collect();
    assert_eq!(
        days,
        ["2025-12-24", "2025-12-24", "2026-01-02", "2026-01-03"]
    );
}

#[test]
fn same_bytes_of_the_same_source_give_the_same_files() {
    let input: String = (0..3000)
        .map(|n| {
            format!(
                "{{\"event\":\"e{}\",\"at\":\"2026-01-0{}\",\"x\":{n}}}\n",
                n % 7,
                1 + n % 2
            )
        })
        .collect();
    let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
    zipped.write_all(input.as_bytes()).unwrap();
    let zipped = zipped.finish().unwrap();
    let files = |source, input: &[u8]| {
        let parts = convert(&table(), source, input, Vec::new()).unwrap().parts;
        parts
            .into_iter()
            .map(|part| (part.file, part.bytes))
            .collect::<Vec<_>>()
    };

    let first = files(SOURCE, input.as_bytes());

    assert_eq!(first.len(), 2);
    assert_eq!(files(SOURCE, input.as_bytes()), first);
    assert_eq!(
        files(SOURCE, &zipped),
        first,
        "gzip on the way changes nothing"
    );
    let other = Source {
        key: "raw/track/other.gz",
        ..SOURCE
    };
    assert_ne!(files(other, input.as_bytes())[0].0, first[0].0);
    assert_eq!(
        first[0].0.id,
        FileId::of_part("product_events", date!(2026 - 01 - 01), SOURCE.key)
    );
}

#[test]
fn members_of_a_gzip_file_are_one_input() {
    let member = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let joined = [member("{\"count\":1}\n{\"cou"), member("nt\":2}\n")].concat();

    let outcome = outcome(&table(), &joined);

    let counts: Vec<&Value> = outcome.rows.iter().map(|row| &row["count"]).collect();
    assert_eq!(counts, [1, 2]);
    assert_eq!(outcome.reasons(), Vec::<&str>::new());
}

#[test]
fn damaged_gzip_costs_only_what_it_hides() {
    let events: String = (0..2000).map(|n| format!("{{\"count\":{n}}}\n")).collect();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(events.as_bytes()).unwrap();
    let whole = encoder.finish().unwrap();

    let outcome = outcome(&table(), &whole[..whole.len() / 2]);

    assert!(
        (1..2000).contains(&outcome.rows.len()),
        "{}",
        outcome.rows.len()
    );
    assert_eq!(outcome.reasons(), ["not_expanded"]);
    let counts: Vec<i64> = outcome
        .rows
        .iter()
        .map(|row| row["count"].as_i64().unwrap())
        .collect();
    assert!(
        counts
            .into_iter()
            .zip(0..)
            .all(|(count, index)| count == index)
    );
}

#[test]
fn many_rows_fill_many_groups_and_stay_in_order() {
    let events: String = (0..60_000)
        .map(|n| {
            format!(
                "{{\"count\":{n},\"note\":\"{}\"}}\n",
                "x".repeat(300 + n % 7)
            )
        })
        .collect();

    let outcome = outcome(&table(), events.as_bytes());

    let counts = outcome
        .rows
        .iter()
        .map(|row| row["count"].as_i64().unwrap());
    assert!(counts.eq(0..60_000));
}

#[test]
fn an_object_older_than_the_table_is_filed_under_its_own_arrival() {
    let source = Source {
        arrival: datetime!(2018-03-15 22:00 UTC),
        first_day: date!(2018 - 01 - 01),
        ..SOURCE
    };

    let converted = convert(
        &table(),
        source,
        &b"{\"at\":\"2018-03-15 21:59:59\"}{\"x\":1}"[..],
        Vec::new(),
    )
    .unwrap();

    assert_eq!(converted.parts.len(), 1);
    assert_eq!(converted.parts[0].file.day, date!(2018 - 03 - 15));
    assert_eq!(converted.row_count, 2);
}

/// By every source, in any order, the first that is one; and twice each, as the second of two alike takes the fast way.
#[test]
fn an_id_is_text_or_a_number_under_any_of_its_keys() {
    for (event, id, extra) in [
        (r#"{"eventId":"x"}"#, Some("x"), None),
        (r#"{"MESSAGEID":"x"}"#, Some("x"), None),
        (r#"{"uuid":4711}"#, Some("4711"), None),
        (r#"{"insert_id":-1.50e3}"#, Some("-1.50e3"), None),
        (
            r#"{"eid":123456789012345678901234567890}"#,
            Some("123456789012345678901234567890"),
            None,
        ),
        (r#"{"eventId":null,"messageId":"x"}"#, Some("x"), None),
        (
            r#"{"eventId":"","messageId":"x"}"#,
            Some("x"),
            Some(r#"{"eventId":""}"#),
        ),
        (
            r#"{"eventId":{"a":1},"uuid":7}"#,
            Some("7"),
            Some(r#"{"eventId":{"a":1}}"#),
        ),
        (
            r#"{"eventId":true,"eventId":7}"#,
            Some("7"),
            Some(r#"{"eventId":true}"#),
        ),
        (
            r#"{"uuid":"x","eventId":"y"}"#,
            Some("y"),
            Some(r#"{"uuid":"x"}"#),
        ),
        (
            r#"{"eventId":"","uuid":null}"#,
            None,
            Some(r#"{"eventId":""}"#),
        ),
        (r#"{"id":"x"}"#, None, Some(r#"{"id":"x"}"#)),
    ] {
        let outcome = outcome(
            &Table::product_events(),
            format!("{event}\n{event}").as_bytes(),
        );

        assert_eq!(outcome.rows.len(), 2, "{event}");
        for row in &outcome.rows {
            assert_eq!(row.get("eventid").and_then(Value::as_str), id, "{event}");
            assert_eq!(row.get("_extra").and_then(Value::as_str), extra, "{event}");
        }
    }
}
