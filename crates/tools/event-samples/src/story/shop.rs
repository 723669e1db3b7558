//! The web shop's product events, as its tracker posts them.

use event_model::Pipeline;
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::format_description};

use super::{Body, Story, calendar::waking_second, people::Person};
use crate::random::{Random, choose, scramble};

const EVENTS_PER_REQUEST: usize = 250;
const PAGES: [&str; 8] = [
    "/",
    "/teas",
    "/teas/sencha",
    "/teas/assam",
    "/teas/oolong",
    "/gifts",
    "/journal",
    "/about",
];
/// Of a thousand events of the broken tracker, how many lost their name and their user, and how many their time.
const NAMELESS: u64 = 550;
const TIMELESS: u64 = 15;

/// A purchase, which is confirmed by mail.
pub(super) struct Order {
    pub(super) person: Person,
    pub(super) id: String,
    pub(super) second_of_day: i64,
}

/// What one person does in the shop on one day.
struct Visit {
    person: Person,
    random: Random,
    /// The second of the day, the event and what else it says.
    steps: Vec<(i64, &'static str, Value)>,
    order: Option<Order>,
}

impl Visit {
    fn new(person: Person, day: u32) -> Self {
        let mut random = person.random(0x5b0_0000 + u64::from(day));
        let mut second = waking_second(&mut random);
        let mut visit = Self {
            person,
            random: random.clone(),
            steps: Vec::new(),
            order: None,
        };
        let mut step = |random: &mut Random, event, members| {
            visit.steps.push((second, event, members));
            second += 5 + i64::try_from(random.below(90)).unwrap_or(0);
        };
        step(
            &mut random,
            "login",
            json!({"url": "https://teatime.example/login"}),
        );
        for _ in 0..2 + random.below(4) {
            let url = format!("https://teatime.example{}", choose(&PAGES, random.bits()));
            step(&mut random, "page_view", json!({"url": url}));
        }
        if random.below(100) < 34 {
            let cents = 690 + random.below(3_000);
            let cart =
                json!({"props": {"sku": format!("tea-{:02}", random.below(24)), "cents": cents}});
            step(&mut random, "add_to_cart", cart.clone());
            if random.below(100) < 46 {
                step(&mut random, "purchase", cart);
                let id = format!(
                    "T{:08}",
                    scramble(person.traits ^ u64::from(day)) % 100_000_000
                );
                visit.order = Some(Order {
                    person,
                    id,
                    second_of_day: second,
                });
            }
        }
        visit
    }
}

/// The purchases of a day.
pub(super) fn orders(story: &Story, day: u32) -> impl Iterator<Item = Order> {
    story
        .people
        .active(day)
        .filter_map(move |person| Visit::new(person, day).order)
}

pub(super) fn day(story: &Story, day: u32) -> Vec<Body> {
    let is_broken = story.broken_days().contains(&day);
    let mut events: Vec<(i64, Value)> = Vec::new();
    for person in story.people.active(day) {
        let mut visit = Visit::new(person, day);
        for (number, (second, event, members)) in
            std::mem::take(&mut visit.steps).into_iter().enumerate()
        {
            let Some(at) = story.calendar.at(day, second) else {
                continue;
            };
            let mut value = visit.event(event, day, number, at, &members);
            if is_broken {
                damage(&mut value, &mut visit.random);
            }
            events.push((at, value));
        }
    }
    events.sort_by_key(|(at, _)| *at);
    let bodies = events.chunks(EVENTS_PER_REQUEST).map(|events| {
        let lines: Vec<String> = events.iter().map(|(_, event)| event.to_string()).collect();
        Body {
            pipeline: Pipeline::ProductEvents,
            events: u32::try_from(lines.len()).unwrap_or(u32::MAX),
            bytes: (lines.join("\n") + "\n").into_bytes(),
        }
    });
    bodies.collect()
}

impl Visit {
    fn event(&self, event: &str, day: u32, number: usize, at: i64, members: &Value) -> Value {
        let Self { person, .. } = self;
        let about = scramble(u64::from(day) * 1_000 + u64::try_from(number).unwrap_or(0));
        let high = scramble(person.traits ^ about);
        let low = scramble(high);
        let (country, city) = person.place();
        let mut value = json!({
            "eventId": format!("{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
                high >> 32, (high >> 16) & 0xffff, high & 0xfff, low >> 52, low & 0xffff_ffff_ffff),
            "event": event,
            "userId": person.id(),
            "sessionId": format!("{:016x}", scramble(person.traits ^ u64::from(day))),
            "ts": timestamp(at),
            "referrer": choose(&["https://search.example/", "https://mail.teatime.example/", ""], person.traits >> 3),
            "geo": {"country": country, "city": city},
        });
        if let (Some(value), Some(members)) = (value.as_object_mut(), members.as_object()) {
            value.extend(members.clone());
        }
        value
    }
}

/// What the broken tracker sends instead: an event named `undefined` without its user, or a time that is none.
fn damage(event: &mut Value, random: &mut Random) {
    let place = random.below(1_000);
    if place < TIMELESS {
        event["ts"] = "Invalid Date".into();
    } else if place < TIMELESS + NAMELESS
        && let Some(members) = event.as_object_mut()
    {
        members.insert("event".to_owned(), "undefined".into());
        members.remove("userId");
    }
}

fn timestamp(at: i64) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].000Z");
    OffsetDateTime::from_unix_timestamp(at)
        .ok()
        .and_then(|time| time.format(format).ok())
        .unwrap_or_default()
}
