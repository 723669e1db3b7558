//! Postmark's webhooks (<https://postmarkapp.com/developer/webhooks/webhooks-overview>): one event a request. It signs nothing, so
//! the key is in the address or in a header.

mod class;
mod setup;

use event_model::{json::JsonObject, sparkpost::EventType};

use crate::{
    bounce_class,
    event_key::ContentKey,
    fields::Fields,
    proof::{Received, Refused, check_password, require_same},
    provider::{Element, Provider, Scheme},
    rows::{Meaning, Row, Rows, metadata},
};

pub(crate) const POSTMARK: Provider = Provider {
    name: "postmark",
    label: "Postmark",
    proof: Some(Scheme {
        secret: "a key that you choose: it is the password of the webhook's Basic auth credentials",
        setup: setup::SETUP,
        headers: &[],
        // 403 would end its attempts.
        refusal_status: 401,
        check_secret: check_password,
        verify,
        certified: None,
        test: setup::test,
    }),
    id_headers: &[],
    translate,
};

fn verify(received: &Received<'_>, key: &str) -> Result<(), Refused> {
    let presented = received.presented_key.ok_or(Refused::Missing)?;
    require_same(presented, key)
}

/// The message of the test button.
const TEST_MESSAGE: &str = "00000000-0000-0000-0000-000000000000";

/// The kind of an event. Bounces of 2014 and inbound messages do not have it.
fn record_type<'a>(fields: &Fields<'a>) -> std::borrow::Cow<'a, str> {
    fields.text("RecordType").unwrap_or_else(|| {
        let is_bounce = fields.json("BouncedAt").is_some() && fields.json("TypeCode").is_some();
        let is_inbound = fields.json("FromFull").is_some();
        match (is_bounce, is_inbound) {
            (true, _) => "Bounce".into(),
            (false, true) => "Inbound".into(),
            (false, false) => "unknown".into(),
        }
    })
}

/// None of an event that repeats another one.
fn meaning(record_type: &str, fields: &Fields<'_>) -> Option<Meaning> {
    let bounce = |event_type, word| Some(Meaning::is(event_type, word));
    match record_type {
        "Delivery" => bounce(EventType::Delivery, "delivered"),
        "Open" if fields.is_true("FirstOpen") => bounce(EventType::InitialOpen, "opened"),
        "Open" => bounce(EventType::Open, "opened"),
        "Click" => bounce(EventType::Click, "clicked"),
        "SpamComplaint" => bounce(EventType::SpamComplaint, "complained"),
        "SMTPApiError" => bounce(EventType::GenerationFailure, "failed"),
        "Bounce" => match fields.text("TypeCode").as_deref() {
            Some("2" | "256") => bounce(EventType::Delay, "deferred"),
            Some("64") => bounce(EventType::OutOfBand, "autoresponded"),
            Some("128" | "16384") => bounce(EventType::OutOfBand, "bounced"),
            Some("512" | "100001") => bounce(EventType::SpamComplaint, "complained"),
            Some("100000" | "100002" | "100003" | "100006" | "100009") => {
                bounce(EventType::PolicyRejection, "rejected")
            }
            Some("100007" | "100010") => bounce(EventType::GenerationFailure, "failed"),
            Some("100008") => Some(Meaning::other("inbound")),
            _ => bounce(EventType::Bounce, "bounced"),
        },
        "SubscriptionChange" => match (
            fields.text("Origin").as_deref(),
            fields.text("SuppressionReason").as_deref(),
        ) {
            // The bounce or the complaint itself comes too.
            (_, Some("HardBounce" | "SpamComplaint")) => None,
            (Some("Recipient"), Some("ManualSuppression")) => {
                bounce(EventType::ListUnsubscribe, "unsubscribed")
            }
            _ if fields.json("SuppressSending") == Some("false") => {
                Some(Meaning::other("subscribed"))
            }
            _ => Some(Meaning::other("unsubscribed")),
        },
        "Inbound" => Some(Meaning::other("inbound")),
        _ => Some(Meaning::other("unknown")),
    }
}

fn translate(element: &Element<'_>, rows: &mut Rows<'_>) {
    let fields = &element.fields;
    let text = |name: &str| fields.text(name);
    let record_type = record_type(fields);
    let Some(meaning) = meaning(&record_type, fields) else {
        return rows.add_nothing();
    };
    let mut row = Row::default();

    let time = [
        "DeliveredAt",
        "BouncedAt",
        "ReceivedAt",
        "ChangedAt",
        "Date",
    ]
    .into_iter()
    .find_map(text);
    let time = row.time(time);
    let recipient = text("Recipient").or_else(|| text("Email"));
    row.text("rcpt_to", recipient.as_deref());
    row.text("message_id", text("MessageID"));
    row.text("transmission_id", text("MessageID"));
    row.text("subject", text("Subject"));
    row.text("friendly_from", text("From"));
    row.text("campaign_id", text("Tag"));
    row.list("rcpt_tags", fields.json("Tag").filter(|tag| *tag != "\"\""));
    row.object("rcpt_meta", metadata(fields.json("Metadata")));
    let geo = fields.object("Geo");
    row.text("ip_address", geo.text("IP"));
    row.object("geo_ip", place(&geo));
    row.text("user_agent", text("UserAgent"));
    row.object("user_agent_parsed", user_agent(fields));
    row.text("target_link_url", text("OriginalLink"));
    let details = text("Details");
    row.text("reason", text("Description"));
    row.text("raw_reason", details.as_deref());
    if meaning.has_class() {
        row.text(
            "error_code",
            details.as_deref().and_then(bounce_class::code),
        );
        row.class(class::of(text("TypeCode").as_deref(), details.as_deref()));
    }
    row.mark_test(text("MessageID").as_deref() == Some(TEST_MESSAGE));

    let key = ContentKey::of(POSTMARK.name)
        .with(Some(&record_type))
        .with(text("ID"))
        .with(text("MessageID"))
        .with(recipient)
        .with(time)
        .with(text("OriginalLink"))
        .with(text("ClickLocation"))
        .with(text("Origin"))
        .with(text("SuppressSending"));
    rows.add(element.text, &record_type, meaning, &key.finish(), row);
}

fn user_agent(fields: &Fields<'_>) -> JsonObject {
    let mut parsed = JsonObject::default();
    let (client, os) = (fields.object("Client"), fields.object("OS"));
    let agent = if client.text("Family").is_some() {
        "Family"
    } else {
        "Name"
    };
    client.copy_texts(&mut parsed, &[("agent_family", agent)]);
    os.copy_texts(
        &mut parsed,
        &[("os_family", "Family"), ("os_version", "Name")],
    );
    fields.copy_texts(&mut parsed, &[("device_family", "Platform")]);
    parsed
}

fn place(geo: &Fields<'_>) -> JsonObject {
    let mut place = JsonObject::default();
    let names = [
        ("country", "CountryISOCode"),
        ("region", "RegionISOCode"),
        ("city", "City"),
        ("zip", "Zip"),
    ];
    geo.copy_texts(&mut place, &names);
    let coordinates = geo.text("Coords");
    if let Some((latitude, longitude)) =
        coordinates.as_deref().and_then(|text| text.split_once(','))
    {
        for (name, degrees) in [
            ("latitude", latitude.trim()),
            ("longitude", longitude.trim()),
        ] {
            if degrees.parse::<f64>().is_ok_and(f64::is_finite)
                && serde_json::from_str::<f64>(degrees).is_ok()
            {
                place.json(name, degrees);
            }
        }
    }
    place
}
