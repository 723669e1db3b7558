//! The shop's mail, as SparkPost reports it.

use event_model::{Pipeline, sparkpost::EventType};
use serde_json::{Value, json};

use super::{
    BLOCKING_PROVIDER, Body, Story,
    calendar::{delay, waking_second},
    people::Person,
    shop,
};
use crate::random::{Random, choose, scramble};

/// SparkPost posts up to 10,000; these keep the local stack busy evenly.
const EVENTS_PER_BATCH: usize = 1_000;
/// The days of the sale's two mails, after the blocked newsletter.
const SALE_AFTER: [u32; 2] = [3, 5];
const HOUR: i64 = 3_600;
const DAY: u64 = 86_400;
/// Of a thousand messages of the blocked newsletter to the provider that blocks.
const BLOCKED: u64 = 850;
/// Events whose time a faulty relay wrote in milliseconds, on the blocked day.
const SPOILED: usize = 25;

/// A message and what became of it.
struct Message<'a> {
    story: &'a Story,
    person: Person,
    campaign: String,
    template: &'static str,
    subject: String,
    /// Numbers the campaigns of a person: the ids of a message derive from it.
    number: u64,
    is_transactional: bool,
    random: Random,
}

pub(super) fn newsletter(day: u32) -> String {
    format!("tuesday-tea-{:02}", day / 7 + 1)
}

pub(super) fn day(story: &Story, day: u32) -> Vec<Body> {
    let mut events = Vec::new();
    let is_blocked = day == story.blocked_day();
    if story.calendar.is_newsletter_day(day) {
        let campaign = newsletter(day);
        for person in story.people.subscribers(day) {
            let subject = format!("Tuesday tea: {}", choose(&TEAS, u64::from(day / 7)));
            let message = Message::new(story, person, &campaign, "newsletter", subject, day, 1);
            message.events(8 * HOUR, 2 * HOUR, is_blocked, &mut events);
        }
    }
    let sale = SALE_AFTER
        .iter()
        .position(|after| day == story.blocked_day() + after);
    if let Some(part) = sale {
        for person in story.people.subscribers(day) {
            let subject = ["Autumn sale: 20% off", "Last day of the autumn sale"][part];
            let part = u64::try_from(part).unwrap_or(0);
            let message = Message::new(
                story,
                person,
                "autumn-sale",
                "sale",
                subject.to_owned(),
                day,
                2 + part,
            );
            message.events(17 * HOUR, HOUR, false, &mut events);
        }
    }
    for person in story.people.signed_up(day) {
        let subject = "Welcome to Teatime".to_owned();
        let at = waking_second(&mut person.random(0x3e1c_0000));
        let message = Message::new(story, person, "welcome", "welcome", subject, day, 4);
        message.transactional().events(at, 60, false, &mut events);
    }
    for order in shop::orders(story, day) {
        let subject = format!("Your order {}", order.id);
        let message = Message::new(
            story,
            order.person,
            "order-confirmation",
            "receipt",
            subject,
            day,
            5,
        );
        message
            .transactional()
            .events(order.second_of_day, 20, false, &mut events);
    }
    if is_blocked {
        spoil(&mut events);
    }
    bodies(&events)
}

/// What a relay does that writes milliseconds: these are rejected, and the reason says so.
fn spoil(events: &mut [Value]) {
    let step = (events.len() / SPOILED).max(1);
    for event in events.iter_mut().step_by(step).take(SPOILED) {
        let members = &mut event["msys"];
        let class = members
            .as_object_mut()
            .and_then(|classes| classes.values_mut().next());
        if let Some(event) = class {
            let seconds = event["timestamp"].as_str().unwrap_or_default().to_owned();
            event["timestamp"] = format!("{seconds}000").into();
        }
    }
}

fn bodies(events: &[Value]) -> Vec<Body> {
    let bodies = events.chunks(EVENTS_PER_BATCH).map(|events| Body {
        pipeline: Pipeline::EmailEvents,
        events: u32::try_from(events.len()).unwrap_or(u32::MAX),
        bytes: serde_json::to_vec(events).expect("writing to memory cannot fail"),
    });
    bodies.collect()
}

const TEAS: [&str; 5] = [
    "first flush",
    "smoked tea",
    "the oolong road",
    "a cup of fog",
    "winter blends",
];
const LINKS: [&str; 4] = ["sencha", "assam", "oolong", "gift-box"];
const USER_AGENTS: [&str; 3] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 13; SM-S908B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/112.0.0.0 Mobile Safari/537.36",
];

/// Why a message did not arrive: SparkPost's class, the code, the server's words, and the share of a hundred bounces.
const BOUNCES: [(&str, &str, &str, u64); 5] = [
    (
        "10",
        "550",
        "550 5.1.1 The email account that you tried to reach does not exist.",
        45,
    ),
    ("22", "552", "552 5.2.2 The mailbox is over quota", 25),
    (
        "21",
        "451",
        "451 4.4.1 [internal] No valid hosts (DNS failure)",
        12,
    ),
    (
        "54",
        "571",
        "571 5.7.1 Message rejected as spam by its content",
        10,
    ),
    (
        "30",
        "554",
        "554 delivery error: dd Requested mail action aborted",
        8,
    ),
];
const BLOCK: (&str, &str, &str) = (
    "51",
    "550",
    "550 5.7.1 Unfortunately, messages from [192.0.2.25] weren't sent: part of their network is on our block list (S3140)",
);

impl<'a> Message<'a> {
    fn new(
        story: &'a Story,
        person: Person,
        campaign: &str,
        template: &'static str,
        subject: String,
        day: u32,
        kind: u64,
    ) -> Self {
        let number = u64::from(day) * 8 + kind;
        Self {
            story,
            person,
            campaign: campaign.to_owned(),
            template,
            subject,
            number,
            is_transactional: false,
            random: person.random(0x3a11_0000 + number),
        }
    }

    fn transactional(mut self) -> Self {
        self.is_transactional = true;
        self
    }

    /// Adds every event of the message that happens before the story ends: sent at a second of the day, spread over some seconds.
    fn events(
        mut self,
        second_of_day: i64,
        spread: i64,
        is_blocked: bool,
        events: &mut Vec<Value>,
    ) {
        let day = u32::try_from(self.number / 8).unwrap_or(0);
        let jitter = self.random.below(u64::try_from(spread).unwrap_or(1));
        let second = second_of_day + i64::try_from(jitter).unwrap_or(0);
        let Some(sent) = self.story.calendar.at(day, second) else {
            return;
        };
        events.push(self.event(EventType::Injection, sent, sent, &json!({})));
        let answered = 1 + delay(&mut self.random, 90);
        let Some(answered) = self.story.calendar.later(sent, answered) else {
            return;
        };
        let (_, provider) = self.person.mailbox();
        let blocks =
            is_blocked && provider == BLOCKING_PROVIDER && self.random.below(1_000) < BLOCKED;
        if blocks {
            let (class, code, reason) = BLOCK;
            events.push(self.bounce(EventType::Bounce, answered, sent, (class, code, reason)));
            return;
        }
        let limit = if self.is_transactional { 4 } else { 16 };
        if self.random.below(1_000) < limit {
            let failure = self.failure();
            events.push(self.bounce(EventType::Bounce, answered, sent, failure));
            return;
        }
        if self.random.below(1_000) < 25 {
            let reason = ("", "421", "421 4.7.0 Try again later");
            events.push(self.bounce(EventType::Delay, answered, sent, reason));
        }
        events.push(self.event(
            EventType::Delivery,
            answered + 2,
            sent,
            &json!({"outbound_tls": "1"}),
        ));
        self.engagement(answered + 2, sent, events);
    }

    fn failure(&mut self) -> (&'static str, &'static str, &'static str) {
        let mut place = self.random.below(100);
        for (class, code, reason, share) in BOUNCES {
            if place < share {
                return (class, code, reason);
            }
            place -= share;
        }
        (BOUNCES[0].0, BOUNCES[0].1, BOUNCES[0].2)
    }

    fn engagement(&mut self, delivered: i64, sent: i64, events: &mut Vec<Value>) {
        // Most people open a receipt, and few a newsletter.
        let opens = if self.is_transactional {
            700
        } else {
            self.person.interest() * 7
        };
        if self.random.below(1_000) >= opens {
            if !self.is_transactional && self.random.below(1_000) < 2 {
                let waited = delay(&mut self.random, DAY);
                self.push_later(
                    EventType::SpamComplaint,
                    delivered,
                    waited,
                    sent,
                    &complaint(),
                    events,
                );
            }
            return;
        }
        let waited = delay(&mut self.random, DAY);
        let reader = json!({
            "user_agent": choose(&USER_AGENTS, self.person.traits >> 5),
            "geo_ip": {"country": self.person.place().0, "city": self.person.place().1},
        });
        let Some(opened) = self.push_later(
            EventType::InitialOpen,
            delivered,
            waited,
            sent,
            &reader,
            events,
        ) else {
            return;
        };
        self.push_later(EventType::Open, opened, 0, sent, &reader, events);
        if self.random.below(1_000) < 220 {
            let link = choose(&LINKS, self.random.bits());
            let mut click = reader;
            click["target_link_name"] = link.into();
            click["target_link_url"] = format!(
                "https://teatime.example/{link}?utm_campaign={}",
                self.campaign
            )
            .into();
            let waited = delay(&mut self.random, 600);
            self.push_later(EventType::Click, opened, waited, sent, &click, events);
        } else if !self.is_transactional && self.random.below(1_000) < 8 {
            let waited = delay(&mut self.random, 120);
            self.push_later(
                EventType::LinkUnsubscribe,
                opened,
                waited,
                sent,
                &json!({}),
                events,
            );
        }
    }

    fn push_later(
        &self,
        event_type: EventType,
        at: i64,
        seconds: i64,
        sent: i64,
        members: &Value,
        events: &mut Vec<Value>,
    ) -> Option<i64> {
        let at = self.story.calendar.later(at, seconds)?;
        events.push(self.event(event_type, at, sent, members));
        Some(at)
    }

    fn bounce(&self, event_type: EventType, at: i64, sent: i64, why: (&str, &str, &str)) -> Value {
        let (class, code, reason) = why;
        let mut members = json!({"error_code": code, "reason": reason, "raw_reason": reason});
        if !class.is_empty() {
            members["bounce_class"] = class.into();
        }
        self.event(event_type, at, sent, &members)
    }

    /// One element of a batch. Numbers and times are text, as SparkPost sends them.
    fn event(&self, event_type: EventType, at: i64, sent: i64, members: &Value) -> Value {
        let id = scramble(self.person.traits ^ scramble(self.number));
        let event_id = scramble(id ^ scramble(u64::from(event_type as u8)));
        let (domain, provider) = self.person.mailbox();
        let mut event = json!({
            "type": event_type.as_str(),
            "event_id": (10_000_000_000_000_000 + event_id % 90_000_000_000_000_000).to_string(),
            "timestamp": at.to_string(),
            "injection_time": sent.to_string(),
            "message_id": format!("{id:020x}"),
            "transmission_id": (30_000_000_000_000_000 + scramble(self.number) % 69_000_000_000_000_000).to_string(),
            "campaign_id": self.campaign,
            "template_id": self.template,
            "template_version": "1",
            "subject": self.subject,
            "friendly_from": "Teatime <hello@mail.teatime.example>",
            "msg_from": "bounces@mail.teatime.example",
            "sending_domain": "mail.teatime.example",
            "sending_ip": "192.0.2.25",
            "ip_pool": if self.is_transactional { "transactional" } else { "newsletters" },
            "rcpt_to": self.person.address(),
            "raw_rcpt_to": self.person.address(),
            "rcpt_type": "to",
            "rcpt_meta": {"user_id": self.person.id(), "plan": self.person.plan()},
            "rcpt_tags": [self.person.plan()],
            "recipient_domain": domain,
            "routing_domain": domain,
            "mailbox_provider": provider,
            "mailbox_provider_region": "Global",
            "customer_id": "118",
            "delv_method": "esmtp",
            "recv_method": "rest",
            "msg_size": (18_000 + id % 9_000).to_string(),
            "num_retries": "0",
            "transactional": if self.is_transactional { "1" } else { "0" },
            "open_tracking": true,
            "click_tracking": true,
        });
        if let (Some(event), Some(members)) = (event.as_object_mut(), members.as_object()) {
            event.extend(members.clone());
        }
        json!({"msys": {event_type.class().as_str(): event}})
    }
}

fn complaint() -> Value {
    json!({"fbtype": "abuse", "report_by": "server.email.example", "report_to": "abuse.example"})
}
