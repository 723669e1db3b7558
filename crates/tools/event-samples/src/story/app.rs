//! The app's events, as mParticle posts them: a batch for each session.

use event_model::Pipeline;
use serde_json::{Value, json};

use super::{
    Body, Story,
    calendar::{Calendar, waking_second},
    people::Person,
};
use crate::random::{choose, scramble};

const SCREENS: [&str; 6] = ["Home", "Shop", "Tea", "Basket", "Profile", "Timer"];
/// Of a thousand sessions, how many have an event that is not an object.
const SPOILED: u64 = 15;

pub(super) fn day(story: &Story, day: u32) -> Vec<Body> {
    if !Calendar::has_app(day) {
        return Vec::new();
    }
    let users = story.people.active(day).filter(|person| person.has_app());
    users
        .filter_map(|person| session(story, person, day))
        .collect()
}

/// `None` if it would begin after the story's end.
fn session(story: &Story, person: Person, day: u32) -> Option<Body> {
    let mut random = person.random(0xa99_0000 + u64::from(day));
    let started = story.calendar.at(day, waking_second(&mut random))? * 1_000;
    let session = scramble(person.traits ^ scramble(u64::from(day)));
    let mut at = started;
    let mut events: Vec<Value> = Vec::new();
    let mut push = |event_type: &str, wait_ms: u64, members: Value| {
        at += i64::try_from(wait_ms).unwrap_or(0);
        let number = u64::try_from(events.len()).unwrap_or(0);
        let id = scramble(session ^ scramble(number));
        let mut data = json!({
            "timestamp_unixtime_ms": at,
            "event_id": id.cast_signed(),
            "source_message_id": uuid(id, session),
            "session_id": session.cast_signed(),
            "session_uuid": uuid(session, person.traits),
            "session_start_unixtime_ms": started,
            "event_start_unixtime_ms": at,
            "custom_attributes": null,
        });
        if let (Some(data), Some(members)) = (data.as_object_mut(), members.as_object()) {
            data.extend(members.clone());
        }
        events.push(json!({"data": data, "event_type": event_type}));
    };
    push("session_start", 0, json!({}));
    for _ in 0..=random.below(4) {
        let screen = choose(&SCREENS, random.bits());
        push(
            "screen_view",
            2_000 + random.below(40_000),
            json!({"screen_name": screen}),
        );
    }
    if random.below(1_000) < 300 {
        push(
            "custom_event",
            1_500,
            json!({"event_name": "Steeped", "custom_event_type": "other",
            "custom_attributes": {"minutes": (1 + random.below(6)).to_string()}}),
        );
    }
    push(
        "session_end",
        1_000,
        json!({"session_duration_ms": 60_000 + random.below(400_000)}),
    );
    let ended = at;
    if random.below(1_000) < SPOILED {
        events.push("undefined".into());
    }
    let identity = |kind: &str, identity: String| json!({"identity_type": kind, "identity": identity, "timestamp_unixtime_ms": started});
    let (platform, os) = choose(
        &[("iOS", "IOS"), ("Android", "Android")],
        person.traits >> 6,
    );
    let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
    let body = json!({
        "events": events,
        "device_info": {"platform": platform},
        "application_info": {"application_name": "Teatime", "application_version": "1.0.2", "package": "example.teatime", "os": os},
        "user_attributes": {"plan": person.plan()},
        "user_identities": [identity("customer_id", person.id()), identity("email", person.address())],
        "environment": "production",
        "mpid": person.traits.cast_signed(),
        "batch_id": session.cast_signed(),
        "message_id": uuid(session, session),
        "message_type": "events",
        "schema_version": 2,
        "timestamp_unixtime_ms": ended,
    });
    Some(Body {
        pipeline: Pipeline::AppEvents,
        events: count,
        bytes: body.to_string().into_bytes(),
    })
}

/// An id in the form of a random UUID (version 4).
fn uuid(high: u64, low: u64) -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}
