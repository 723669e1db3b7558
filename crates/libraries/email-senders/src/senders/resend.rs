//! Resend's webhooks (<https://resend.com/docs/webhooks/event-types>), which Svix delivers. Resend sends through Amazon SES,
//! hence the words of its bounces.

mod setup;

use event_model::sparkpost::EventType;

use crate::{
    bounce_class,
    proof::{STANDARD_HEADERS, STANDARD_ID_HEADERS, check_standard_secret, standard_webhooks},
    provider::{Element, Provider, Scheme},
    rows::{Meaning, Row, Rows, metadata},
    senders::ses,
};

pub(crate) const RESEND: Provider = Provider {
    name: "resend",
    label: "Resend",
    proof: Some(Scheme {
        secret: "the signing secret of the webhook: Webhooks, the endpoint, Signing Secret (whsec_…)",
        setup: setup::SETUP,
        headers: STANDARD_HEADERS,
        refusal_status: 401,
        check_secret: check_standard_secret,
        verify: standard_webhooks,
        certified: None,
        test: setup::test,
    }),
    id_headers: STANDARD_ID_HEADERS,
    translate,
};

fn meaning(event: &str) -> Meaning {
    match event {
        "email.sent" => Meaning::is(EventType::Injection, "sent"),
        "email.delivered" => Meaning::is(EventType::Delivery, "delivered"),
        "email.delivery_delayed" => Meaning::is(EventType::Delay, "deferred"),
        "email.bounced" => Meaning::is(EventType::Bounce, "bounced"),
        "email.suppressed" => Meaning::is(EventType::PolicyRejection, "rejected"),
        "email.failed" => Meaning::is(EventType::GenerationFailure, "failed"),
        "email.complained" => Meaning::is(EventType::SpamComplaint, "complained"),
        "email.opened" => Meaning::is(EventType::Open, "opened"),
        "email.clicked" => Meaning::is(EventType::Click, "clicked"),
        "email.received" => Meaning::other("inbound"),
        _ => Meaning::other("unknown"),
    }
}

fn translate(element: &Element<'_>, rows: &mut Rows<'_>) {
    let event = element.fields.text("type").unwrap_or("unknown".into());
    let meaning = meaning(&event);
    let data = element.fields.object("data");
    let (bounce, click) = (data.object("bounce"), data.object("click"));
    let suppressed = data.object("suppressed");
    let diagnostics: Vec<String> = bounce
        .list("diagnosticCode")
        .into_iter()
        .filter_map(crate::fields::to_text)
        .map(std::borrow::Cow::into_owned)
        .collect();
    let diagnostic = Some(diagnostics.join("; ")).filter(|text| !text.is_empty());
    let mut row = Row::default();

    row.time(
        click
            .text("timestamp")
            .or_else(|| element.fields.text("created_at")),
    );
    // With several, nothing says whose event it is.
    let recipients = data.list("to");
    if let [recipient] = recipients.as_slice() {
        row.text("rcpt_to", crate::fields::to_text(recipient));
    } else if recipients.is_empty() {
        row.text("rcpt_to", data.text("email"));
    }
    row.text("message_id", data.text("email_id"));
    row.text("transmission_id", data.text("email_id"));
    row.text("subject", data.text("subject"));
    row.text("friendly_from", data.text("from"));
    row.text("template_id", data.text("template_id"));
    let tags = metadata(data.json("tags"));
    let campaign = || tag(data.json("tags"), "campaign_id");
    row.text(
        "campaign_id",
        data.text("broadcast_id")
            .map(std::borrow::Cow::into_owned)
            .or_else(campaign),
    );
    row.object("rcpt_meta", tags);
    row.text("ip_address", click.text("ipAddress"));
    row.text("user_agent", click.text("userAgent"));
    row.text("target_link_url", click.text("link"));
    if let Some(injected) = data
        .text("created_at")
        .filter(|_| meaning.event_type.is_some())
    {
        row.text(
            "injection_time",
            Some(crate::time_text::to_decimal(&injected)),
        );
    }
    let message = bounce
        .text("message")
        .or_else(|| suppressed.text("message"));
    row.text(
        "reason",
        message.or_else(|| data.object("failed").text("reason")),
    );
    row.text("raw_reason", diagnostic.as_deref());
    row.text(
        "error_code",
        diagnostic.as_deref().and_then(bounce_class::code),
    );
    match meaning.event_type {
        Some(EventType::PolicyRejection) => row.class(25),
        Some(EventType::Bounce) => row.class(ses::bounce_class(
            bounce.text("type").as_deref(),
            bounce.text("subType").as_deref(),
            None,
            diagnostic.as_deref(),
        )),
        _ => {}
    }
    rows.add(element.text, &event, meaning, element.delivery_id, row);
}

/// The value of a tag.
fn tag(tags: Option<&str>, name: &str) -> Option<String> {
    let tags = metadata(tags).finish();
    let value = crate::fields::Fields::of(&tags).text(name)?;
    Some(value.into_owned())
}
