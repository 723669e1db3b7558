//! Mailgun's webhooks (<https://documentation.mailgun.com/docs/mailgun/user-manual/events/webhooks>): one event a request, as JSON
//! under `event-data`, or as a form with flat fields from accounts with legacy webhooks.

mod class;
mod setup;

use std::borrow::Cow;

use event_model::{json::JsonObject, sparkpost::EventType};

use crate::{
    event_key::ContentKey,
    fields::{Fields, pick, to_text},
    proof::{Received, Refused, check_password, hmac_sha256, require_same},
    provider::{Element, Provider, Scheme},
    rows::{Meaning, Row, Rows, metadata},
};

pub(crate) const MAILGUN: Provider = Provider {
    name: "mailgun",
    label: "Mailgun",
    proof: Some(Scheme {
        secret: "the HTTP webhook signing key: Settings, API Security",
        setup: setup::SETUP,
        headers: &[],
        // 406 would end its attempts.
        refusal_status: 401,
        check_secret: check_password,
        verify,
        certified: None,
        test: setup::test,
    }),
    id_headers: &[],
    translate,
};

/// The signature covers a time and a token, not the body: anyone who has seen one request can sign another body. A key compared by
/// content makes a request that is delivered again no second event.
fn verify(received: &Received<'_>, key: &str) -> Result<(), Refused> {
    let body = std::str::from_utf8(received.body).map_err(|_| Refused::Malformed)?;
    let body = body.trim();
    let proof = if body.starts_with('{') {
        proof_in_json(body)
    } else {
        proof_in_form(body)
    };
    let [Some(stamp), Some(token), Some(signed)] = proof else {
        return Err(Refused::Missing);
    };
    require_same(&signed, &signature(key, &stamp, &token))
}

/// The members of a proof.
const PROOF: [&str; 3] = ["timestamp", "token", "signature"];

/// The members are in an object named `signature`, or beside those of the event.
fn proof_in_json(body: &str) -> [Option<Cow<'_, str>>; 3] {
    let [nested] = pick(body, ["signature"]);
    let object = nested.filter(|json| json.starts_with('{')).unwrap_or(body);
    pick(object, PROOF).map(|json| to_text(json?))
}

fn proof_in_form(body: &str) -> [Option<Cow<'_, str>>; 3] {
    let mut proof = [const { None }; 3];
    for (name, value) in form_urlencoded::parse(body.as_bytes()) {
        let member = PROOF.iter().position(|member| *member == name);
        if let Some(found) = member.and_then(|index| proof.get_mut(index)) {
            // The first one counts, as in the list that a form's repeated field becomes.
            let _first = found.get_or_insert(value);
        }
    }
    proof
}

fn signature(key: &str, stamp: &str, token: &str) -> String {
    let parts = [stamp.as_bytes(), token.as_bytes()];
    hex::encode(hmac_sha256(key.as_bytes(), &parts))
}

fn meaning(event: &str, data: &Fields<'_>) -> Meaning {
    let reason = data.text("reason");
    let is_suppressed = reason
        .as_deref()
        .is_some_and(|reason| reason.starts_with("suppress-"))
        || matches!(data.text("code").as_deref(), Some("605" | "607"));
    match event {
        "accepted" => Meaning::is(EventType::Injection, "queued"),
        "delivered" => Meaning::is(EventType::Delivery, "delivered"),
        "rejected" => Meaning::is(EventType::PolicyRejection, "rejected"),
        "failed" if data.text("severity").as_deref() == Some("temporary") => {
            Meaning::is(EventType::Delay, "deferred")
        }
        "failed" | "dropped" | "bounced" if is_suppressed => {
            Meaning::is(EventType::PolicyRejection, "rejected")
        }
        "failed" if data.object("flags").is_true("is-delayed-bounce") => {
            Meaning::is(EventType::OutOfBand, "bounced")
        }
        "failed" | "dropped" | "bounced" => Meaning::is(EventType::Bounce, "bounced"),
        "opened" => Meaning::is(EventType::Open, "opened"),
        "clicked" => Meaning::is(EventType::Click, "clicked"),
        "complained" => Meaning::is(EventType::SpamComplaint, "complained"),
        "unsubscribed" => Meaning::is(EventType::ListUnsubscribe, "unsubscribed"),
        "stored" => Meaning::other("inbound"),
        _ => Meaning::other("unknown"),
    }
}

fn translate(element: &Element<'_>, rows: &mut Rows<'_>) {
    let nested = element.fields.object("event-data");
    let data = if nested.is_empty() {
        &element.fields
    } else {
        &nested
    };
    let text = |name: &str| data.text(name);
    let event = text("event").unwrap_or("unknown".into());
    let meaning = meaning(&event, data);
    let message = data.object("message");
    let headers = message.object("headers");
    let status = data.object("delivery-status");
    let (envelope, client) = (data.object("envelope"), data.object("client-info"));
    let mut row = Row::default();

    let time = row.time(text("timestamp"));
    row.text("rcpt_to", text("recipient").or_else(|| headers.text("to")));
    let flat = || text("Message-Id").or_else(|| text("message-id"));
    let id = headers.text("message-id").or_else(flat);
    let id = id.as_deref().map(|id| id.trim_matches(['<', '>']));
    row.text("message_id", id);
    row.text("transmission_id", id);
    row.text("subject", headers.text("subject"));
    row.text("friendly_from", headers.text("from"));
    row.text("msg_from", envelope.text("sender"));
    row.text("msg_size", message.text("size"));
    row.text("sending_ip", envelope.text("sending-ip"));
    let campaign = data
        .list("campaigns")
        .first()
        .and_then(|campaign| Fields::of(campaign).text("id"));
    let variables = data.object("user-variables");
    let campaign = campaign
        .or_else(|| text("campaign-id"))
        .or_else(|| variables.text("campaign_id"));
    row.text("campaign_id", campaign);
    row.text("template_id", data.object("template").text("name"));
    let tags = if nested.is_empty() {
        data.list("tag")
    } else {
        data.list("tags")
    };
    row.list("rcpt_tags", tags);
    row.object("rcpt_meta", metadata(data.json("user-variables")));
    row.text("ip_address", text("ip"));
    row.text(
        "user_agent",
        client.text("user-agent").or_else(|| text("user-agent")),
    );
    row.object("user_agent_parsed", user_agent(&client));
    row.object("geo_ip", place(&data.object("geolocation")));
    row.text("target_link_url", text("url"));
    row.json("outbound_tls", status.json("tls"));
    row.retries(status.text("attempt-no"));

    let answer = status
        .text("message")
        .or_else(|| status.text("description"));
    let answer = answer
        .or_else(|| text("error"))
        .or_else(|| text("description"));
    let rejected = || data.object("reject").text("reason");
    row.text(
        "raw_reason",
        status.text("message").or_else(|| text("error")),
    );
    row.text("reason", answer.clone().or_else(rejected));
    let code = status.text("code").or_else(|| text("code"));
    if meaning.has_class() {
        row.text("error_code", code.as_deref());
        row.class(class::of(data, &status, code.as_deref(), answer.as_deref()));
    }

    // Its id is unique within a day only. Legacy events have none: their token stays the same in a retry.
    let key = ContentKey::of(MAILGUN.name).with(Some(&event));
    let key = match text("id") {
        Some(own) => key
            .with(Some(own))
            .with(time)
            .with(None::<&str>)
            .with(None::<&str>),
        // Old and hand-made events may have no token either.
        None => key
            .with(text("token"))
            .with(time)
            .with(text("recipient"))
            .with(id),
    };
    rows.add(element.text, &event, meaning, &key.finish(), row);
}

fn user_agent(client: &Fields<'_>) -> JsonObject {
    let mut parsed = JsonObject::default();
    let names = [
        ("agent_family", "client-name"),
        ("os_family", "client-os"),
        ("device_family", "device-type"),
    ];
    client.copy_texts(&mut parsed, &names);
    if client.text("bot").is_some() {
        parsed.boolean("is_prefetched", true);
    }
    parsed
}

fn place(geolocation: &Fields<'_>) -> JsonObject {
    let mut place = JsonObject::default();
    let names = ["country", "region", "city"].map(|name| (name, name));
    geolocation.copy_texts(&mut place, &names);
    place
}
