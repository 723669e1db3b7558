use std::collections::BTreeSet;

use aws_io::queue::ReceivedMessage;
use erasure::Tombstones;
use event_mapping::{Mapper, MappingConfig};
use event_model::mparticle::select_events;
use serde_json::Value;

use super::*;

const NOW_MS: i64 = 1_700_000_000_000;
const HOUR: Duration = Duration::from_hours(1);

fn policy(unknown_users: UnknownUsers) -> ResolutionPolicy {
    ResolutionPolicy {
        unknown_users,
        unknown_user_retry_for: HOUR,
        now_ms: NOW_MS,
        release_reason: ReleaseReason::Failure,
        visibility: VisibilityBackoff::default(),
    }
}

/// A message with one screen view for each id, and one event that cannot be used.
fn message(id: &str, age: Duration, ids: &[&str]) -> ReceivedMessage {
    let events = ids.iter().map(|id| {
        format!(r#"{{"event_type":"screen_view","data":{{"source_message_id":"{id}"}}}},"#)
    });
    let events: String = events.collect();
    message_of(id, age, &format!("{events}7"))
}

fn message_of(id: &str, age: Duration, events: &str) -> ReceivedMessage {
    ReceivedMessage {
        id: id.to_owned(),
        receipt_handle: format!("receipt-{id}"),
        sent_at_ms: NOW_MS - i64::try_from(age.as_millis()).unwrap(),
        archived_as: None,
        receive_count: 3,
        body: format!(r#"{{"user_identities":{{"customer_id":"ada"}},"events":[{events}]}}"#),
    }
}

fn chunk(messages: Vec<ReceivedMessage>) -> Chunk {
    chunk_by("{}", messages)
}

fn chunk_by(config: &str, messages: Vec<ReceivedMessage>) -> Chunk {
    let mapper = Mapper::new(MappingConfig::from_json(config).unwrap()).unwrap();
    let nobody = Tombstones::default();
    let mut messages = messages.into();
    Chunk::map(&mapper, &nobody, &mut messages, "raw/key", NOW_MS, None)
}

#[test]
fn message_ends_when_all_of_its_events_have() {
    let chunk = chunk(vec![
        message("1", HOUR, &["a", "b"]),
        message("2", HOUR, &["b", "c"]),
    ]);
    let results = [Some(Ok(())), Some(Ok(())), None];

    let resolution = resolve(&chunk, &results, &policy(UnknownUsers::Retry), 0).0;

    assert_eq!(resolution.resolved.len(), 1);
    assert_eq!(resolution.resolved[0].receipt_handle, "receipt-1");
    assert_eq!(resolution.resolved[0].counts.sent, 2);
    assert_eq!(
        resolution.resolved[0].counts.rejected[&RejectReason::NotAnEvent],
        1
    );
    assert_eq!(
        resolution.released,
        [("receipt-2".to_owned(), Duration::from_mins(4))]
    );
}

#[test]
fn copy_of_a_sent_event_is_skipped_as_such() {
    let chunk = chunk(vec![message("1", HOUR, &["a"]), message("2", HOUR, &["a"])]);

    let resolution = resolve(&chunk, &[Some(Ok(()))], &policy(UnknownUsers::Retry), 0).0;

    assert_eq!(resolution.resolved[0].counts.sent, 1);
    assert_eq!(
        resolution.resolved[1].counts.skipped[&SkipReason::Duplicate],
        1
    );
}

#[test]
fn events_of_unknown_users_wait_then_are_rejected() {
    let chunk = chunk(vec![
        message("1", HOUR / 2, &["a"]),
        message("2", HOUR, &["b"]),
    ]);
    let results = [
        Some(Err(FailureCause::UnknownUser)),
        Some(Err(FailureCause::UnknownUser)),
    ];

    let retried = resolve(&chunk, &results, &policy(UnknownUsers::Retry), 0).0;
    let created = resolve(&chunk, &results, &policy(UnknownUsers::Create), 0).0;
    let dropped = resolve(&chunk, &results, &policy(UnknownUsers::Drop), 0).0;

    assert_eq!(retried.released.len(), 1);
    assert_eq!(
        retried.resolved[0].counts.rejected[&RejectReason::UnknownUser],
        1
    );
    assert!(retried.unknown_users.is_empty());
    assert_eq!(created.unknown_users.len(), 1);
    assert_eq!(
        dropped.resolved[0].counts.skipped[&SkipReason::UnknownUser],
        1
    );
    assert!(dropped.released.is_empty());
}

#[test]
fn rejected_events_are_written_down_with_where_they_came_from() {
    let chunk = chunk(vec![message("1", HOUR, &["a"])]);
    let results = [Some(Err(FailureCause::Rejected(
        RejectReason::Refused.because("BadParams: no"),
    )))];

    let resolution = resolve(&chunk, &results, &policy(UnknownUsers::Retry), 0).0;

    let lines = lines_of(&resolution.resolved[0]);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["reason"], "refused_by_destination");
    assert_eq!(lines[0]["detail"], "BadParams: no");
    assert_eq!(lines[0]["source_key"], "raw/key");
    assert_eq!(lines[0]["message_id"], "1");
    assert!(lines[0]["item"].as_str().unwrap().contains("screen_view"));
    assert_eq!(lines[1]["ordinal"], 1);
    assert_eq!(lines[1].get("item"), None);
}

/// The lines about rejected events.
fn lines_of(message: &ResolvedMessage) -> Vec<Value> {
    message
        .rejected_lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[test]
fn ordinal_of_a_line_selects_its_event_among_many_that_are_only_counted() {
    let breadcrumbs = vec![r#"{"event_type":"breadcrumb","data":{}}"#; 1_001].join(",");
    let nameless = |n: u32| format!(r#"{{"event_type":"custom_event","data":{{"n":{n}}}}}"#);
    let view = r#"{"event_type":"screen_view","data":{"source_message_id":"a"}}"#;
    let events = [
        breadcrumbs.clone(),
        nameless(1),
        "7".to_owned(),
        view.to_owned(),
        breadcrumbs,
        nameless(2),
    ];
    let message = message_of("1", HOUR, &events.join(","));
    let body = message.body.clone();
    let chunk = chunk_by(r#"{"scope":"everything"}"#, vec![message]);
    let refused = FailureCause::Rejected(RejectReason::Refused.because("no"));

    let resolution = resolve(
        &chunk,
        &[Some(Err(refused))],
        &policy(UnknownUsers::Retry),
        0,
    )
    .0;

    let selected = lines_of(&resolution.resolved[0]).into_iter().map(|line| {
        let ordinal = u32::try_from(line["ordinal"].as_u64().unwrap()).unwrap();
        let selected = select_events(&body, &BTreeSet::from([ordinal]));
        let mut batch: Value = serde_json::from_str(&selected[0]).unwrap();
        batch["events"][0].take()
    });
    let rejected = [&events[1], &events[2], &events[3], &events[5]];
    let expected = rejected.map(|event| serde_json::from_str::<Value>(event).unwrap());
    assert_eq!(selected.collect::<Vec<_>>(), expected);
    assert_eq!(resolution.resolved[0].counts.received(), 2_006);
}

#[test]
fn late_events_are_counted_among_the_sent() {
    let chunk = chunk(vec![message("1", HOUR * 30, &["a"])]);

    let resolution = resolve(&chunk, &[Some(Ok(()))], &policy(UnknownUsers::Retry), 0).0;

    assert_eq!(
        (
            resolution.resolved[0].counts.sent,
            resolution.resolved[0].counts.late
        ),
        (1, 1)
    );
}
