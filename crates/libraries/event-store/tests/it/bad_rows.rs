//! One event that Postgres refuses, among good ones. The parser accepts none of these; the store does not rely on that.

use std::borrow::Cow;

use event_model::{Timestamp, sparkpost::Event};
use sqlx::PgPool;
use time::macros::datetime;

use crate::support::*;

/// Text that does not compress, so that it fits into no index.
fn noise(length: usize) -> String {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + u8::try_from(state >> 24).unwrap() % 26)
    };
    std::iter::repeat_with(&mut next).take(length).collect()
}

fn bad(spoil: impl FnOnce(&mut Event<'static>)) -> Event<'static> {
    let mut event = event(33, THURSDAY);
    spoil(&mut event);
    event
}

fn kinds() -> Vec<(&'static str, Event<'static>)> {
    let payload = |text: &str| bad(|event| event.payload = Cow::Owned(text.to_owned()));
    vec![
        (
            "54000",
            bad(|event| event.rcpt_to = Some(noise(1_000_000).into())),
        ),
        (
            "54000",
            bad(|event| event.message_id = Some(noise(9_000).into())),
        ),
        (
            "54000",
            bad(|event| event.transmission_id = Some(noise(9_000).into())),
        ),
        ("22P02", payload(r#"{"broken":"#)),
        ("22P02", payload("")),
        ("22P02", payload(r#"{"emoji":"\ud83d"}"#)),
        ("22P05", payload(r#"{"nul":"a\u0000b"}"#)),
        ("22021", payload("{\"nul\":\"a\0b\"}")),
        ("22021", bad(|event| event.subject = Some("a\0b".into()))),
        ("22003", payload(r#"{"number":1e200000}"#)),
        (
            "54001",
            payload(&format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000))),
        ),
    ]
}

#[sqlx::test(migrations = "../../../migrations")]
async fn bad_row_of_each_kind_is_rejected_alone(pool: PgPool) {
    let store = store(&pool);
    for (index, (code, bad)) in kinds().into_iter().enumerate() {
        let mut mixed = events((0..32).chain(34..100), THURSDAY);
        mixed.push(bad.clone());
        let key = key(&format!("{index}-{code}"));

        let outcome = store.load_batch(&key, &batch(mixed)).await.unwrap();

        let (inserted, duplicate) = if index == 0 { (98, 0) } else { (0, 98) };
        assert_eq!(outcome, loaded(inserted, duplicate, 1), "{index} {code}");
        let reason = texts(
            &pool,
            &format!(
                "select reason from email_events_rejected where batch_key = '{key}' and ordinal = 33"
            ),
        )
        .await;
        assert!(
            reason[0].ends_with(&format!("(SQLSTATE {code})")),
            "{index}: {reason:?}"
        );
        let raw: Vec<u8> =
            sqlx::query_scalar("select raw from email_events_rejected where batch_key = $1")
                .bind(key.as_str())
                .fetch_one(&pool)
                .await
                .unwrap();
        assert_eq!(raw, bad.payload.as_bytes());
    }
    assert_eq!(event_count(&pool).await, 98);
}

#[sqlx::test(migrations = "../../../migrations")]
async fn reason_says_what_postgres_said_and_quotes_no_value(pool: PgPool) {
    reckon_with(&pool, THURSDAY).await;
    let long = bad(|event| event.rcpt_to = Some(format!("planted{}", noise(4_000)).into()));
    let broken = bad(|event| {
        event.ordinal = 34;
        event.key = event_model::EventKey::from_u128(34);
        event.payload = r#"{"a":planted}"#.into();
    });

    store(&pool)
        .load_batch(&key("a"), &batch(vec![long, broken]))
        .await
        .unwrap();

    let reasons = texts(
        &pool,
        "select reason from email_events_rejected order by ordinal",
    )
    .await;
    assert!(
        reasons[0].contains("email_w202423_rcpt_to_ts_idx"),
        "{reasons:?}"
    );
    assert!(reasons[1].contains("not valid JSON"), "{reasons:?}");
    assert!(!reasons.concat().contains("planted"), "{reasons:?}");
}

#[sqlx::test(migrations = "../../../migrations")]
async fn many_bad_rows_among_duplicates_leave_the_good_ones(pool: PgPool) {
    let store = store(&pool);
    let known = batch(events((0..200).filter(|id| id % 5 == 0), THURSDAY));
    store.load_batch(&key("known"), &known).await.unwrap();
    let mixed = (0..200)
        .map(|id| {
            let mut event = event(id, THURSDAY + std::time::Duration::from_secs(id.into()));
            if id % 7 == 3 && id % 5 != 0 {
                event.payload = "{".into();
            }
            event
        })
        .collect();

    let outcome = store
        .load_batch(&key("mixed"), &batch(mixed))
        .await
        .unwrap();

    let bad = u64::try_from((0..200).filter(|id| id % 7 == 3 && id % 5 != 0).count()).unwrap();
    assert_eq!(outcome, loaded(200 - 40 - bad, 40, bad));
    assert_eq!(event_count(&pool).await, i64::try_from(200 - bad).unwrap());
}

/// Each refused row costs two writes of a part of the batch. The rows that are not tried are kept, and can be tried alone.
#[sqlx::test(migrations = "../../../migrations")]
async fn batch_of_bad_rows_ends_though_not_all_were_tried(pool: PgPool) {
    let rows = events(0..1_100, THURSDAY).into_iter().map(|mut event| {
        event.payload = "{".into();
        event
    });

    let outcome = store(&pool)
        .load_batch(&key("a"), &batch(rows.collect()))
        .await
        .unwrap();

    assert_eq!(outcome, loaded(0, 0, 1_100));
    let reasons = texts(
        &pool,
        "select distinct reason from email_events_rejected order by 1",
    )
    .await;
    let [untried, refused] = reasons.as_slice() else {
        panic!("{reasons:?}");
    };
    assert!(untried.starts_with("not written: "), "{untried}");
    assert!(refused.starts_with("refused by Postgres: "), "{refused}");
}

#[sqlx::test(migrations = "../../../migrations")]
async fn good_twin_of_a_bad_row_is_stored(pool: PgPool) {
    let mut twin = event(7, THURSDAY);
    twin.ordinal = 8;
    let mut bad = event(7, THURSDAY);
    bad.payload = "{".into();

    let outcome = store(&pool)
        .load_batch(&key("a"), &batch(vec![bad, twin]))
        .await
        .unwrap();

    assert_eq!(outcome, loaded(1, 0, 1));
}

#[sqlx::test(migrations = "../../../migrations")]
async fn time_that_has_no_partition_is_rejected_alone(pool: PgPool) {
    let outcome = store(&pool)
        .load_batch(
            &key("a"),
            &batch(
                vec![
                    event(1, datetime!(1970-01-01 0:00 UTC)),
                    event(2, THURSDAY),
                    bad(|event| event.timestamp = Timestamp::MAX),
                    bad(|event| event.timestamp = Timestamp::MIN),
                ]
                .into_iter()
                .zip(0..)
                .map(|(event, ordinal)| Event { ordinal, ..event })
                .collect(),
            ),
        )
        .await
        .unwrap();

    assert_eq!(outcome, loaded(1, 0, 3));
    let reasons = texts(&pool, "select distinct reason from email_events_rejected").await;
    assert_eq!(
        reasons,
        ["`timestamp` is outside of the range that is stored"]
    );
}
