//! The properties that make the story worth looking at, whatever the seed and the day on which it is told.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use event_mapping::{Arrival, Mapper, MappingConfig, dry_run};
use event_model::sparkpost::parse_batch;
use serde_json::Value;
use time::{Duration, OffsetDateTime, macros::datetime};

use super::{
    people::{SUBSCRIBERS, return_rate},
    *,
};

const END: OffsetDateTime = datetime!(2026-11-29 21:00 UTC);

fn day_of(story: &Story, pipeline: Pipeline, day: u32) -> Vec<Body> {
    match pipeline {
        Pipeline::EmailEvents => mail::day(story, day),
        Pipeline::AppEvents => app::day(story, day),
        Pipeline::ProductEvents => shop::day(story, day),
    }
}

fn bodies(story: &Story, pipeline: Pipeline) -> Vec<Vec<Body>> {
    (0..DAYS).map(|day| day_of(story, pipeline, day)).collect()
}

/// Of one day's mails: how many were sent, bounced and rejected, whatever the time of the events.
fn outcomes(bodies: &[Body]) -> (usize, usize, usize) {
    let (mut sent, mut bounced, mut rejected) = (0, 0, 0);
    for body in bodies {
        let batch = parse_batch(&body.bytes, END);
        rejected += batch.rejected.len();
        for event in &batch.events {
            sent += usize::from(event.event_type.as_ref() == "injection");
            bounced += usize::from(event.event_type.as_ref() == "bounce");
        }
    }
    (sent, bounced, rejected)
}

fn product_events(story: &Story) -> Vec<Vec<Value>> {
    let lines = |bodies: Vec<Body>| {
        let texts = bodies
            .into_iter()
            .map(|body| String::from_utf8(body.bytes).unwrap());
        let text = texts.collect::<String>();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    bodies(story, Pipeline::ProductEvents)
        .into_iter()
        .map(lines)
        .collect()
}

#[test]
fn same_seed_and_end_give_the_same_bytes_and_another_seed_other_people() {
    assert_eq!(Story::new(1, END).day(3), Story::new(1, END).day(3));
    assert_ne!(Story::new(1, END).day(3), Story::new(2, END).day(3));
}

#[test]
fn bytes_are_the_same_on_every_machine() {
    let first = |pipeline| {
        let body = day_of(&Story::new(1, END), pipeline, 25).remove(0);
        String::from_utf8(body.bytes)
            .unwrap()
            .chars()
            .take(1_200)
            .collect::<String>()
    };

    insta::assert_snapshot!(Pipeline::ALL.map(first).join("\n"));
}

#[test]
fn one_day_bounces_ten_times_as_much_as_the_others_at_one_provider() {
    // Whatever the day of the week on which it ends.
    for days_later in [0, 2, 5] {
        let story = Story::new(
            1 + days_later,
            END + Duration::days(days_later.cast_signed()),
        );
        let blocked = story.blocked_day();
        for day in [blocked - 7, blocked, blocked + 3] {
            let (sent, bounced, rejected) = outcomes(&mail::day(&story, day));
            if day == blocked {
                assert!(sent > 1_200, "{sent}");
                assert!(
                    (14..30).contains(&(bounced * 100 / sent)),
                    "{bounced} of {sent}"
                );
                assert_eq!(rejected, 25);
            } else {
                assert!(
                    bounced * 100 <= sent * 4 + 300,
                    "day {day}: {bounced} of {sent}"
                );
                assert_eq!(rejected, 0, "day {day}");
            }
        }
    }
}

#[test]
fn fewer_and_fewer_customers_come_back_and_some_stay() {
    let rates: Vec<u64> = (0..DAYS).map(return_rate).collect();
    assert!(rates.is_sorted_by(|one, later| one >= later));
    assert!(
        rates[1] > 400 && rates[29] < 100 && rates[29] >= 70,
        "{rates:?}"
    );

    let story = Story::new(5, END);
    let days: Vec<HashSet<u64>> = (0..DAYS)
        .map(|day| {
            story
                .people
                .active(day)
                .map(|person| person.number)
                .collect()
        })
        .collect();
    let came = |later: usize| {
        let (mut cohort, mut back) = (0, 0);
        for day in 0..days.len() - later {
            for person in story.people.signed_up(u32::try_from(day).unwrap()) {
                cohort += 1;
                back += usize::from(days[day + later].contains(&person.number));
            }
        }
        back * 100 / cohort
    };
    assert_eq!(came(0), 100);
    assert!((35..55).contains(&came(1)), "{}", came(1));
    assert!((14..28).contains(&came(7)), "{}", came(7));
    assert!((4..14).contains(&came(21)), "{}", came(21));
}

#[test]
fn the_tracker_loses_its_fields_on_two_days_only() {
    let story = Story::new(3, END);
    for (day, events) in (0..).zip(product_events(&story)) {
        let count = |is: fn(&Value) -> bool| events.iter().filter(|event| is(event)).count();
        let nameless = count(|event| event["event"] == "undefined");
        let timeless = count(|event| event["ts"] == "Invalid Date");
        if story.broken_days().contains(&day) {
            assert!(
                (40..70).contains(&(nameless * 100 / events.len())),
                "{nameless}"
            );
            assert!(timeless > 0);
        } else {
            assert_eq!((nameless, timeless), (0, 0), "day {day}");
        }
    }
}

#[test]
fn every_order_is_confirmed_and_every_step_of_the_funnel_loses_some() {
    let story = Story::new(3, END);
    let mut people: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for event in product_events(&story).into_iter().flatten() {
        let (Some(name), Some(user)) = (event["event"].as_str(), event["userId"].as_str()) else {
            continue;
        };
        people
            .entry(name.to_owned())
            .or_default()
            .insert(user.to_owned());
    }
    let count = |name: &str| people[name].len();
    assert!(
        count("page_view") > 2 * count("add_to_cart") / 2
            && count("add_to_cart") > count("purchase")
    );
    assert!(count("purchase") > 100, "{}", count("purchase"));
}

#[test]
fn everything_happens_within_the_story_and_ids_are_unique() {
    let story = Story::new(9, END);
    let begin = story.calendar.midnight(0).unix_timestamp();
    let mut keys = HashSet::new();
    let mut types: HashMap<String, usize> = HashMap::new();
    for body in bodies(&story, Pipeline::EmailEvents).iter().flatten() {
        let batch = parse_batch(&body.bytes, END);
        assert_eq!(
            usize::try_from(body.events).unwrap(),
            batch.events.len() + batch.rejected.len()
        );
        for event in &batch.events {
            let at = event.timestamp.to_time().unix_timestamp();
            assert!(at >= begin && at < END.unix_timestamp());
            assert!(keys.insert(event.key), "{:?}", event.event_type);
            *types.entry(event.event_type.to_string()).or_default() += 1;
        }
    }
    assert!((30_000..70_000).contains(&keys.len()), "{}", keys.len());
    for (one, more) in [
        ("click", "open"),
        ("open", "delivery"),
        ("delivery", "injection"),
        ("spam_complaint", "click"),
    ] {
        assert!(types[one] < types[more], "{types:?}");
    }
    let ids: Vec<String> = product_events(&story)
        .into_iter()
        .flatten()
        .filter_map(|event| event["eventId"].as_str().map(str::to_owned))
        .collect();
    assert!((15_000..40_000).contains(&ids.len()), "{}", ids.len());
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
}

#[test]
fn the_app_is_in_its_first_ten_days_and_few_of_its_events_are_rejected() {
    let story = Story::new(9, END);
    let mapper = Mapper::new(MappingConfig::from_json("{}").unwrap()).unwrap();
    let now_ms = END.unix_timestamp() * 1_000;
    let arrival = Arrival {
        sent_at_ms: now_ms,
        now_ms,
        max_age_ms: None,
    };
    let (mut sent, mut rejected) = (0, 0);
    for (day, bodies) in (0_u32..).zip(bodies(&story, Pipeline::AppEvents)) {
        assert_eq!(bodies.is_empty(), day < 20, "day {day}");
        for body in bodies {
            let report = dry_run(&mapper, str::from_utf8(&body.bytes).unwrap(), &arrival);
            sent += report.sent;
            rejected += u64::try_from(report.rejected.len()).unwrap();
        }
    }
    assert!(
        rejected > 0 && sent > 50 * rejected,
        "{sent} sent, {rejected} rejected"
    );
}

#[test]
fn people_are_the_same_everywhere() {
    let story = Story::new(1, END);
    let person = story.people.signed_up(0).next().unwrap();

    assert_eq!(person.id(), format!("u{SUBSCRIBERS}"));
    assert!(person.address().ends_with(person.mailbox().0));
    assert!(
        story
            .people
            .active(0)
            .any(|other| other.address() == person.address())
    );
}
