//! Mailgun's webhooks (<https://documentation.mailgun.com/docs/mailgun/user-manual/events/webhooks>): one event a request, as JSON
//! under `event-data`, or as a form with flat fields from accounts with legacy webhooks.

use event_model::{json::JsonObject, sparkpost::EventType};

use crate::{
    bounce_class,
    event_key::ContentKey,
    fields::Fields,
    proof::{Received, Refused, check_password, hmac_sha256, is_same},
    rows::{Meaning, Row, Rows, metadata},
    sender::{Element, Proof, Sender},
    split::form_to_json,
};

pub(crate) const MAILGUN: Sender = Sender {
    name: "mailgun",
    label: "Mailgun",
    proof: Some(Proof {
        secret: "the HTTP webhook signing key: Settings, API Security",
        headers: &[],
        // 406 would end its attempts.
        refusal_status: 401,
        check_secret: check_password,
        verify,
    }),
    id_headers: &[],
    translate,
};

/// The signature covers a time and a token, not the body: anyone who has seen one request can sign another body. A key compared by
/// content makes a request that is delivered again no second event.
fn verify(received: &Received<'_>, key: &str) -> Result<(), Refused> {
    let body = std::str::from_utf8(received.body).map_err(|_| Refused::Malformed)?;
    let form;
    let json = if body.trim_start().starts_with('{') {
        body
    } else {
        form = form_to_json(body.trim_end());
        &form
    };
    let fields = Fields::of(json);
    let nested = fields.object("signature");
    let proof = if nested.is_empty() { fields } else { nested };
    let text = |name: &str| proof.text(name).ok_or(Refused::Missing);
    let (stamp, token, signature) = (text("timestamp")?, text("token")?, text("signature")?);
    let expected = hex::encode(hmac_sha256(
        key.as_bytes(),
        &[stamp.as_bytes(), token.as_bytes()],
    ));
    if is_same(&signature, &expected) {
        Ok(())
    } else {
        Err(Refused::Wrong)
    }
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
    let id = headers
        .text("message-id")
        .or_else(|| text("Message-Id"))
        .or_else(|| text("message-id"));
    let id = id
        .as_deref()
        .map(|id| id.trim_start_matches('<').trim_end_matches('>'));
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
        row.class(class(data, &status, code.as_deref(), answer.as_deref()));
    }

    // Its id is unique within a day only. Legacy events have none: their token stays the same in a retry.
    let key = ContentKey::of(MAILGUN.name)
        .with(Some(&event))
        .with(text("id").or_else(|| text("token")))
        .with(time)
        // Old and hand-made events have neither.
        .with(if text("id").is_none() {
            text("recipient")
        } else {
            None
        })
        .with(if text("id").is_none() { id } else { None });
    rows.add(element.text, &event, meaning, &key.finish(), row);
}

fn class(data: &Fields<'_>, status: &Fields<'_>, code: Option<&str>, answer: Option<&str>) -> u16 {
    match data.text("reason").as_deref() {
        Some("suppress-bounce" | "suppress-complaint") => return 25,
        Some("suppress-unsubscribe") => return 90,
        Some("espblock") => return 50,
        Some("blacklisted") => return 51,
        Some("greylisted") => return 70,
        Some("old") => return 24,
        _ => {}
    }
    match code {
        Some("605" | "607") => return 25,
        Some("498") => return 21,
        Some("499") => return 24,
        _ => {}
    }
    let enhanced = status.text("enhanced-code");
    let known = bounce_class::of_answer(enhanced.as_deref(), answer);
    let known = if known == bounce_class::UNDETERMINED {
        bounce_class::of_answer(code, None)
    } else {
        known
    };
    let is_temporary = data.text("severity").as_deref() == Some("temporary");
    if known == bounce_class::UNDETERMINED && is_temporary {
        70
    } else {
        known
    }
}

fn user_agent(client: &Fields<'_>) -> JsonObject {
    let mut parsed = JsonObject::default();
    for (name, from) in [
        ("agent_family", "client-name"),
        ("os_family", "client-os"),
        ("device_family", "device-type"),
    ] {
        if let Some(text) = client.text(from) {
            parsed.text(name, &text);
        }
    }
    if client.text("bot").is_some() {
        parsed.boolean("is_prefetched", true);
    }
    parsed
}

fn place(geolocation: &Fields<'_>) -> JsonObject {
    let mut place = JsonObject::default();
    for name in ["country", "region", "city"] {
        if let Some(text) = geolocation.text(name) {
            place.text(name, &text);
        }
    }
    place
}
