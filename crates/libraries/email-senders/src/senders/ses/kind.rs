//! What the kinds of SES's events mean.

use event_model::sparkpost::EventType;

use crate::{fields::Fields, rows::Meaning};

/// The member with the details of an event, the one with its recipients, and its meaning.
pub(super) fn of(event: &str, fields: &Fields<'_>) -> (&'static str, &'static str, Meaning) {
    let bounce = fields.object("bounce");
    let is_suppressed = matches!(
        bounce.text("bounceSubType").as_deref(),
        Some("Suppressed" | "OnAccountSuppressionList")
    );
    match event {
        "Send" => ("send", "", Meaning::is(EventType::Injection, "sent")),
        "Delivery" => (
            "delivery",
            "recipients",
            Meaning::is(EventType::Delivery, "delivered"),
        ),
        "DeliveryDelay" => (
            "deliveryDelay",
            "delayedRecipients",
            Meaning::is(EventType::Delay, "unknown"),
        ),
        "Bounce" if is_suppressed => (
            "bounce",
            "bouncedRecipients",
            Meaning::is(EventType::PolicyRejection, "rejected"),
        ),
        "Bounce" => (
            "bounce",
            "bouncedRecipients",
            Meaning::is(EventType::Bounce, "bounced"),
        ),
        "Reject" => (
            "reject",
            "",
            Meaning::is(EventType::PolicyRejection, "rejected"),
        ),
        "Rendering Failure" => (
            "failure",
            "",
            Meaning::is(EventType::GenerationFailure, "failed"),
        ),
        "Complaint"
            if fields
                .object("complaint")
                .text("complaintFeedbackType")
                .as_deref()
                == Some("not-spam") =>
        {
            (
                "complaint",
                "complainedRecipients",
                Meaning::other("unknown"),
            )
        }
        "Complaint" => (
            "complaint",
            "complainedRecipients",
            Meaning::is(EventType::SpamComplaint, "complained"),
        ),
        "Open" => ("open", "", Meaning::is(EventType::Open, "opened")),
        "Click" => ("click", "", Meaning::is(EventType::Click, "clicked")),
        "Subscription"
            if fields
                .object("subscription")
                .object("newTopicPreferences")
                .is_true("unsubscribeAll") =>
        {
            (
                "subscription",
                "",
                Meaning::is(EventType::ListUnsubscribe, "unknown"),
            )
        }
        "Subscription" => ("subscription", "", Meaning::other("unknown")),
        "Received" => ("receipt", "recipients", Meaning::other("inbound")),
        _ => ("", "", Meaning::other("unknown")),
    }
}
