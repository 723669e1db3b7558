//! Amazon SES's events (<https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-firehose-contents.html>), bare as
//! Firehose stores them, or inside of a message of SNS or an event of `EventBridge`. One event may be about several recipients.
//!
//! What posts is SNS. After any status below 500 it gives up (<https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html>).

mod class;
mod kind;
mod setup;

use std::borrow::Cow;

use event_model::json::JsonObject;

pub(super) use class::of_bounce as bounce_class;

use crate::{
    bounce_class as classes,
    event_key::ContentKey,
    fields::{Fields, is_json, to_text},
    provider::{Certified, Element, Provider, Scheme},
    rows::{Row, Rows},
    sns,
};

pub(crate) const SES: Provider = Provider {
    name: "ses",
    label: "Amazon SES",
    proof: Some(Scheme {
        secret: "the ARN of the topic that SES publishes to: arn:aws:sns:…",
        setup: setup::SETUP,
        headers: sns::HEADERS,
        refusal_status: 503,
        check_secret: sns::check_topic,
        verify: sns::verify,
        certified: Some(Certified {
            url: sns::certificate_url,
            purpose: sns::purpose,
        }),
        test: setup::test,
    }),
    id_headers: &[],
    translate,
};

fn translate(element: &Element<'_>, rows: &mut Rows<'_>) {
    let outer = &element.fields;
    if outer.json("TopicArn").is_some() && outer.json("Message").is_some() {
        let message = outer.text("Message").unwrap_or_default();
        let message = message.trim();
        // A confirmation, or the message that a topic is set up.
        if outer.text("Type").as_deref() != Some("Notification") || !message.starts_with('{') {
            return rows.add_nothing();
        }
        // A text that is not JSON to its end would end the event that it is written into elsewhere.
        if !is_json(message) {
            return add(element.text, outer, rows);
        }
        return add(message, &Fields::of(message), rows);
    }
    match outer
        .json("detail")
        .filter(|_| outer.text("source").as_deref() == Some("aws.ses"))
    {
        Some(detail) => add(detail, &Fields::of(detail), rows),
        None => add(element.text, outer, rows),
    }
}

/// Adds a row for each recipient that an event is about.
fn add(whole: &str, fields: &Fields<'_>, rows: &mut Rows<'_>) {
    let event = fields
        .text("eventType")
        .or_else(|| fields.text("notificationType"))
        .unwrap_or("unknown".into());
    let (part, recipients, meaning) = kind::of(&event, fields);
    let (part, mail) = (fields.object(part), fields.object("mail"));
    let destination = mail.list("destination");
    let about = match recipients {
        "" if matches!(event.as_ref(), "Send" | "Reject" | "Rendering Failure") => destination,
        // Nothing says which of several it was.
        "" if destination.len() == 1 => destination,
        "" => Vec::new(),
        name => part.list(name),
    };
    let mut add_row = |recipient: &str| {
        let details = Fields::of(recipient);
        let address = details.text("emailAddress").or_else(|| to_text(recipient));
        let (row, key) = row(&event, &part, &mail, &details, address.as_deref());
        rows.add(whole, &event, meaning, &key, row);
    };
    if about.is_empty() {
        add_row("null");
    } else {
        about.into_iter().for_each(add_row);
    }
}

fn row(
    event: &str,
    part: &Fields<'_>,
    mail: &Fields<'_>,
    details: &Fields<'_>,
    recipient: Option<&str>,
) -> (Row, String) {
    let mut row = Row::default();
    let common = mail.object("commonHeaders");
    let tags = mail.object("tags");
    let message = mail.text("messageId");
    let time = row.time(part.text("timestamp").or_else(|| mail.text("timestamp")));
    row.text("rcpt_to", recipient);
    row.text("message_id", message.as_deref());
    row.text("transmission_id", message.as_deref());
    row.text("subject", common.text("subject"));
    row.text("friendly_from", common.text("from"));
    row.text("msg_from", mail.text("source"));
    row.text(
        "injection_time",
        mail.text("timestamp")
            .map(|time| crate::time_text::to_decimal(&time)),
    );
    row.text("sending_ip", tags.text("ses:outgoing-ip"));
    row.text("campaign_id", tags.text("campaign_id"));
    row.text("template_id", part.text("templateName"));
    row.object("rcpt_meta", own_tags(&tags));
    row.text("ip_address", part.text("ipAddress"));
    row.text("user_agent", part.text("userAgent"));
    row.text("target_link_url", part.text("link"));
    row.text("queue_time", part.text("processingTimeMillis"));
    row.text("fbtype", part.text("complaintFeedbackType"));
    let diagnostic = details.text("diagnosticCode");
    let diagnostic = diagnostic.as_deref();
    let other = || {
        part.text("smtpResponse")
            .or_else(|| part.text("reason"))
            .or_else(|| part.text("errorMessage"))
    };
    row.text("reason", diagnostic.map(Cow::Borrowed).or_else(other));
    row.text("raw_reason", diagnostic);
    row.text("error_code", diagnostic.and_then(classes::code));
    if event == "Bounce" {
        let word = |name| part.text(name);
        let (kind, sub_kind, status) = (
            word("bounceType"),
            word("bounceSubType"),
            details.text("status"),
        );
        row.class(class::of_bounce(
            kind.as_deref(),
            sub_kind.as_deref(),
            status.as_deref(),
            diagnostic,
        ));
    } else if event == "DeliveryDelay" {
        row.class(class::of_delay(part.text("delayType").as_deref()));
    }
    let own = part
        .text("feedbackId")
        .or_else(|| time.clone().map(Cow::Owned));
    let key = ContentKey::of(SES.name)
        .with(Some(event))
        .with(message)
        .with(recipient)
        .with(own)
        .with(part.text("link"));
    (row, key.finish())
}

/// The user's tags, each with its first value.
fn own_tags(tags: &Fields<'_>) -> JsonObject {
    let mut own = JsonObject::default();
    for (name, _) in tags.iter().filter(|(name, _)| !name.starts_with("ses:")) {
        if let Some(value) = tags.text(name) {
            own.text(name, &value);
        }
    }
    own
}
