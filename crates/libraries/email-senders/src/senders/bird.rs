//! Bird's webhooks, of the platform that SparkPost goes into: Standard Webhooks, one recipient's event each.

mod setup;

use event_model::{json::JsonObject, sparkpost::EventType};

use crate::{
    bounce_class,
    event_key::ContentKey,
    fields::{Fields, to_list},
    proof::{STANDARD_HEADERS, check_standard_secret, standard_webhooks},
    provider::{Element, Provider, Scheme},
    rows::{Meaning, Row, Rows},
};

pub(crate) const BIRD: Provider = Provider {
    name: "bird",
    label: "Bird",
    proof: Some(Scheme {
        secret: "the signing secret of the webhook endpoint (whsec_…)",
        setup: setup::SETUP,
        headers: STANDARD_HEADERS,
        refusal_status: 401,
        check_secret: check_standard_secret,
        verify: standard_webhooks,
        certified: None,
        test: setup::test,
    }),
    // A replay has a new id, so an event is identified by its content.
    id_headers: &[],
    translate,
};

fn meaning(event: &str, data: &Fields<'_>) -> Meaning {
    match event {
        // `accepted` comes before it, of the same message: one injection.
        "email.processed" => Meaning::is(EventType::Injection, "sent"),
        "email.accepted" => Meaning::other("queued"),
        "email.delivered" => Meaning::is(EventType::Delivery, "delivered"),
        "email.deferred" => Meaning::is(EventType::Delay, "deferred"),
        "email.bounced" => Meaning::is(EventType::Bounce, "bounced"),
        "email.out_of_band_bounce" => Meaning::is(EventType::OutOfBand, "bounced"),
        "email.rejected" => match data.text("rejection_reason").as_deref() {
            Some("generation_failure" | "transmission_failed") => {
                Meaning::is(EventType::GenerationFailure, "failed")
            }
            _ => Meaning::is(EventType::PolicyRejection, "rejected"),
        },
        "email.complained" => Meaning::is(EventType::SpamComplaint, "complained"),
        "email.opened" => Meaning::is(EventType::Open, "opened"),
        "email.clicked" => Meaning::is(EventType::Click, "clicked"),
        "email.list_unsubscribed" => Meaning::is(EventType::ListUnsubscribe, "unsubscribed"),
        "email.unsubscribed" => Meaning::is(EventType::LinkUnsubscribe, "unsubscribed"),
        "email.received" | "email_mailbox.message_received" => Meaning::other("inbound"),
        _ => Meaning::other("unknown"),
    }
}

fn translate(element: &Element<'_>, rows: &mut Rows<'_>) {
    let event = element.fields.text("type").unwrap_or("unknown".into());
    let data = element.fields.object("data");
    let meaning = meaning(&event, &data);
    let text = |name: &str| data.text(name);
    let mut row = Row::default();

    let time = row.time(element.fields.text("timestamp"));
    row.text("rcpt_to", text("recipient").or_else(|| text("email")));
    row.text(
        "message_id",
        text("recipient_id").or_else(|| text("message_id")),
    );
    row.text("transmission_id", text("email_id"));
    row.text(
        "rcpt_type",
        text("recipient_role").filter(|role| matches!(role.as_ref(), "cc" | "bcc")),
    );
    row.text("subject", text("subject"));
    row.text("friendly_from", text("from"));
    row.text("sending_ip", text("sending_ip"));
    row.text("ip_address", text("ip_address"));
    row.text("user_agent", text("user_agent"));
    row.text("target_link_url", text("url"));
    row.text("fbtype", text("feedback_type"));
    let tags = data.json("tags").map(to_list).unwrap_or_default();
    let tags: Vec<Fields<'_>> = tags.into_iter().map(Fields::of).collect();
    row.list("rcpt_tags", tags.iter().filter_map(|tag| tag.json("name")));
    let campaign = tags
        .iter()
        .find(|tag| tag.text("name").as_deref() == Some("campaign_id"));
    row.text(
        "campaign_id",
        text("broadcast_id").or_else(|| campaign?.text("value")),
    );
    row.object("rcpt_meta", meta(&data.object("metadata"), &tags));

    let answer = text("bounce_description").or_else(|| text("defer_reason"));
    row.text("raw_reason", answer.as_deref());
    let failed = || {
        text("rejection_reason")
            .or_else(|| text("reason"))
            .or_else(|| text("failure_reason"))
    };
    row.text("reason", answer.clone().or_else(failed));
    row.text("error_code", text("bounce_code"));
    if let Some(class) = text("bounce_class") {
        row.text("bounce_class", Some(class));
    } else if let Some(class) = class(&data, answer.as_deref()).filter(|_| meaning.has_class()) {
        row.class(class);
    }

    let key = ContentKey::of(BIRD.name)
        .with(Some(&event))
        .with(time)
        .with_value(element.fields.json("data"));
    rows.add(element.text, &event, meaning, &key.finish(), row);
}

/// The class of an event that has none.
fn class(data: &Fields<'_>, answer: Option<&str>) -> Option<u16> {
    match data.text("bounce_type").as_deref() {
        Some("hard") => Some(10),
        Some("soft") => Some(20),
        Some("admin") => Some(25),
        Some("block") => Some(50),
        Some("undetermined") => Some(bounce_class::UNDETERMINED),
        _ if data.text("rejection_reason").as_deref() == Some("recipient_suppressed") => Some(25),
        _ => answer.map(|answer| bounce_class::of_answer(None, Some(answer))),
    }
}

/// Metadata, and tags of names that it does not have.
fn meta(metadata: &Fields<'_>, tags: &[Fields<'_>]) -> JsonObject {
    let mut object = JsonObject::default();
    let mut seen = std::collections::BTreeSet::new();
    for (name, value) in metadata.iter() {
        if seen.insert(name.to_owned()) {
            object.json(name, value);
        }
    }
    for tag in tags {
        if let (Some(name), Some(value)) = (tag.text("name"), tag.json("value"))
            && seen.insert(name.clone().into_owned())
        {
            object.json(&name, value);
        }
    }
    object
}
