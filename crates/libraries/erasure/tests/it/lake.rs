//! A row of the lake is the person's if and only if the item is that it was made of.

use erasure::{Person, Verdict, is_row_theirs, owner_column, verdict_of};
use event_model::{Pipeline, mparticle::ArchivedMessage};
use lake_files::{Merge, Source, convert};
use lake_schema::{FileId, Table};
use proptest::{collection::vec, prelude::*, sample::select};
use time::macros::{date, datetime};

pub(crate) const COLUMN_BYTES: usize = 1 << 20;

fn jane() -> Person {
    Person::new(&["jane@x.org"], &["u-1001", "7"]).unwrap()
}

/// Of each row that the object becomes, whether it is Jane's.
fn rows(pipeline: Pipeline, object: &str) -> Vec<bool> {
    let table = Table::of(pipeline);
    let source = Source {
        key: "raw/x",
        arrival: datetime!(2026-01-02 12:00 UTC),
        first_day: date!(2020 - 01 - 01),
        delivery: None,
    };
    let converted = convert(&table, source, object.as_bytes(), Vec::new()).unwrap();
    let mut rows = Vec::new();
    for part in converted.parts {
        let mut merge = Merge::new(table.clone(), std::env::temp_dir(), COLUMN_BYTES);
        merge.add(&part.bytes[..]).unwrap();
        let note = |owner: Option<&str>, extra: Option<&str>| {
            rows.push(is_row_theirs(pipeline, owner, extra, &jane()));
            false
        };
        let owner = owner_column(pipeline);
        merge
            .finish_without(|| Ok(std::io::sink()), FileId::NONE, owner, note)
            .unwrap();
    }
    rows
}

/// Members of an object, also repeated ones.
pub(crate) fn members(
    keys: Vec<&'static str>,
    values: Vec<&'static str>,
) -> impl Strategy<Value = String> {
    let member = (select(keys), select(values));
    vec(member, 0..5).prop_map(|members| {
        let members: Vec<String> = members
            .into_iter()
            .map(|(key, value)| format!("\"{key}\":{value}"))
            .collect();
        members.join(",")
    })
}

/// The members of several such texts.
pub(crate) fn joined(members: &[String]) -> String {
    let some = members.iter().filter(|members| !members.is_empty());
    some.cloned().collect::<Vec<_>>().join(",")
}

fn is_theirs(pipeline: Pipeline, item: &str) -> bool {
    verdict_of(pipeline, item.as_bytes(), &jane()) == Verdict::Theirs
}

/// Of people, of nobody, and of several.
pub(crate) fn names() -> Vec<&'static str> {
    vec![
        r#""jane@x.org""#,
        r#""Jane <JANE@x.org>""#,
        r#""u-1001""#,
        r#"" u-1001 ""#,
        r#""bob@x.org""#,
        r#""bob""#,
        r#""Bob <bob@x.org>, Jane <jane@x.org>""#,
        r#"["jane@x.org"]"#,
        r#"["jane@x.org","bob@x.org"]"#,
        r#"{"name":"jane@x.org"}"#,
        r#""""#,
        r#""\ud83d""#,
        "7",
        "42",
        "true",
        "null",
    ]
}

proptest! {
    #[test]
    fn of_product_events(
        user in members(
            vec![
                "userId",
                "userid",
                "UserID",
                "user_id",
                "USER_ID",
                "distinct_id",
                "anonymousId",
                "Anonymous_ID",
                r"user\u0049d",
                "event",
            ],
            names(),
        ),
    ) {
        let record = format!("{{{user}}}");
        let expected = is_theirs(Pipeline::ProductEvents, &record);

        for is_row_theirs in rows(Pipeline::ProductEvents, &record) {
            prop_assert_eq!(is_row_theirs, expected, "{}", record);
        }
    }

    #[test]
    fn of_email_events(
        outer in members(vec!["rcpt_to", "cust"], names()),
        msys in select(vec!["msys", "MSYS", "other"]),
        event in members(
            vec![
                "rcpt_to",
                "RCPT_TO",
                "raw_rcpt_to",
                "Raw_Rcpt_To",
                "recipient",
                "subject",
                "type",
            ],
            names(),
        ),
        meta in members(vec!["user_id", "UserId", "uid", "x"], names()),
    ) {
        let event = joined(&[event, format!(r#""rcpt_meta":{{{meta}}}"#)]);
        let msys = format!(r#""{msys}":{{"class":{{{event}}}}}"#);
        let element = format!("{{{}}}", joined(&[outer, msys]));
        let expected = is_theirs(Pipeline::EmailEvents, &element);

        for is_row_theirs in rows(Pipeline::EmailEvents, &format!("[{element}]")) {
            prop_assert_eq!(is_row_theirs, expected, "{}", element);
        }
    }

    #[test]
    fn of_app_events(
        ids in members(
            vec!["mpid", "MPID", "batch_id"],
            vec!["7", r#""7""#, "8", "0", "null", "18446744073709551615"],
        ),
        identities in members(vec!["email", "customer_id", "customerId", "other"], names()),
        event_count in 1_usize..3,
    ) {
        let event = r#"{"event_type":"custom_event","data":{"event_name":"jane@x.org"}}"#;
        let batch = joined(&[
            ids,
            format!(r#""user_identities":{{{identities}}}"#),
            format!(r#""events":[{}]"#, vec![event; event_count].join(",")),
        ]);
        let batch = format!("{{{batch}}}");
        let message = ArchivedMessage::new("m", 1_767_355_200_000, &batch);
        let object = serde_json::to_string(&message).unwrap();
        let expected = is_theirs(Pipeline::AppEvents, &batch);

        let of_rows = rows(Pipeline::AppEvents, &object);

        prop_assert_eq!(of_rows, vec![expected; event_count], "{}", batch);
    }
}

#[test]
fn a_key_in_any_case_and_a_repeated_one_are_found_in_both() {
    for (pipeline, item) in [
        (
            Pipeline::ProductEvents,
            r#"{"event":"view","userid":"u-1001"}"#,
        ),
        (
            Pipeline::ProductEvents,
            r#"{"event":"view","UserId":"u-1001"}"#,
        ),
        (
            Pipeline::ProductEvents,
            r#"{"userId":"u-1001","userId":"bob"}"#,
        ),
        (
            Pipeline::ProductEvents,
            r#"{"userId":"bob","userId":"u-1001"}"#,
        ),
        (
            Pipeline::EmailEvents,
            r#"{"Msys":{"m":{"type":"a","Rcpt_To":"jane@x.org"}}}"#,
        ),
        (
            Pipeline::EmailEvents,
            r#"{"type":"a","rcpt_to":"jane@x.org"}"#,
        ),
    ] {
        assert!(is_theirs(pipeline, item), "{item}");
        assert_eq!(rows(pipeline, item), [true], "{item}");
    }
}
