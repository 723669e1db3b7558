//! `SendGrid`'s event webhook (<https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event>): an array of events.

mod class;
mod members;
mod setup;

use event_model::{json::JsonObject, sparkpost::EventType};

use crate::{
    bounce_class,
    event_key::ContentKey,
    fields::Fields,
    proof::{Received, Refused, check_public_key, ecdsa_p256},
    provider::{Element, Provider, Scheme},
    rows::{Meaning, Row, Rows},
};

const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
const STAMP: &str = "x-twilio-email-event-webhook-timestamp";

pub(crate) const SENDGRID: Provider = Provider {
    name: "sendgrid",
    label: "SendGrid",
    proof: Some(Scheme {
        secret: "the verification key: Settings, Mail Settings, Event Webhooks, Signature Verification",
        setup: setup::SETUP,
        headers: &[SIGNATURE, STAMP],
        refusal_status: 401,
        check_secret: check_public_key,
        verify,
        certified: None,
        test: setup::test,
    }),
    id_headers: &[],
    translate,
};

/// Without a limit of time: a retry comes up to 24 hours later, and an event that is delivered again is one event.
fn verify(received: &Received<'_>, key: &str) -> Result<(), Refused> {
    let header = |name| (received.header)(name).ok_or(Refused::Missing);
    let (signature, stamp) = (header(SIGNATURE)?, header(STAMP)?);
    ecdsa_p256(key, signature, &[stamp.as_bytes(), received.body])
}

fn meaning(event: &str, fields: &Fields<'_>) -> Meaning {
    match event {
        "processed" => Meaning::is(EventType::Injection, "queued"),
        "delivered" => Meaning::is(EventType::Delivery, "delivered"),
        "deferred" => Meaning::is(EventType::Delay, "deferred"),
        // Those that come later have no message.
        "bounce" if fields.text("sg_message_id").is_none() => {
            Meaning::is(EventType::OutOfBand, "bounced")
        }
        "bounce" if fields.text("type").as_deref() == Some("blocked") => {
            Meaning::is(EventType::Bounce, "rejected")
        }
        "bounce" => Meaning::is(EventType::Bounce, "bounced"),
        "dropped" => Meaning::is(EventType::PolicyRejection, "rejected"),
        "spamreport" => Meaning::is(EventType::SpamComplaint, "complained"),
        "open" => Meaning::is(EventType::Open, "opened"),
        "click" => Meaning::is(EventType::Click, "clicked"),
        "unsubscribe" | "group_unsubscribe" => {
            Meaning::is(EventType::ListUnsubscribe, "unsubscribed")
        }
        "group_resubscribe" => Meaning::other("subscribed"),
        _ => Meaning::other("unknown"),
    }
}

fn translate(element: &Element<'_>, rows: &mut Rows<'_>) {
    let fields = &element.fields;
    let text = |name: &str| fields.text(name);
    let event = text("event").unwrap_or("unknown".into());
    let meaning = meaning(&event, fields);
    let answer = text("reason").or_else(|| text("response"));
    let message = text("sg_message_id");
    let mut row = Row::default();

    let time = row.time(text("timestamp"));
    row.text("rcpt_to", text("email"));
    row.text("message_id", message.as_deref());
    row.text(
        "transmission_id",
        message.as_deref().and_then(|id| id.split('.').next()),
    );
    let is_engagement = matches!(event.as_ref(), "open" | "click");
    row.text(
        if is_engagement {
            "ip_address"
        } else {
            "sending_ip"
        },
        text("ip").filter(|_| has_ip(&event)),
    );
    let categories = fields.list("category");
    let category = || text("category");
    row.text(
        "campaign_id",
        text("marketing_campaign_name")
            .or_else(|| text("singlesend_name"))
            .or_else(category),
    );
    row.text("template_id", text("sg_template_id"));
    row.list("rcpt_tags", categories);
    row.object("rcpt_meta", custom_args(fields));
    row.text("ip_pool", fields.object("pool").text("name"));
    row.text("user_agent", text("useragent"));
    row.text("target_link_url", text("url"));
    row.json("outbound_tls", fields.json("tls"));
    row.retries(text("attempt"));
    if fields.is_true("sg_machine_open") {
        row.json("user_agent_parsed", Some(r#"{"is_prefetched":true}"#));
    }
    row.text("reason", answer.as_deref());
    if meaning.has_class() {
        row.text("raw_reason", answer.as_deref());
        row.text("error_code", answer.as_deref().and_then(bounce_class::code));
        row.class(class::of(&event, fields, answer.as_deref()));
    }
    row.mark_test(text("sg_event_id").as_deref() == Some("sg_event_id"));

    // Its own id is another one when an event is delivered again, and one of them stood on two events.
    let offset = fields.object("url_offset");
    let key = ContentKey::of(SENDGRID.name)
        .with(Some(&event))
        .with(text("email"))
        .with(time)
        .with(message.or_else(|| text("smtp-id")))
        .with(text("url"))
        .with(offset.text("index"))
        .with(offset.text("type"))
        .with(text("attempt"))
        .with(text("asm_group_id"))
        .with(answer);
    rows.add(element.text, &event, meaning, &key.finish(), row);
}

/// On other events it is nobody's.
fn has_ip(event: &str) -> bool {
    matches!(
        event,
        "delivered" | "deferred" | "bounce" | "open" | "click"
    )
}

fn custom_args(fields: &Fields<'_>) -> JsonObject {
    let mut args = JsonObject::default();
    let mut seen = std::collections::BTreeSet::new();
    for (name, value) in fields.iter() {
        if !members::KNOWN.contains(&name) && seen.insert(name.to_owned()) {
            args.json(name, value);
        }
    }
    args
}
