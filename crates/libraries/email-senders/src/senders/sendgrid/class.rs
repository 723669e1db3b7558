//! SparkPost's bounce class of `SendGrid`'s words.

use crate::{bounce_class, fields::Fields};

/// The class of an event, from its classification, its status and its answer.
pub(super) fn of(event: &str, fields: &Fields<'_>, answer: Option<&str>) -> u16 {
    let status = fields.text("status");
    let status = status.as_deref();
    let enhanced = status.or(answer).and_then(bounce_class::enhanced_status);
    let is = |subject, detail| matches!(enhanced, Some((_, s, d)) if (s, d) == (subject, detail));
    match (event, answer) {
        ("deferred", _) => return 70,
        ("dropped", Some(reason)) if reason.starts_with("Unsubscribed") => return 90,
        ("dropped", Some(reason)) if reason.starts_with("Invalid") => return 10,
        ("dropped", Some(reason)) if reason.starts_with("Spam Content") => return 52,
        ("dropped", _) => return 25,
        _ => {}
    }
    match fields.text("bounce_classification").as_deref() {
        Some("Invalid Address") => 10,
        Some("Mailbox Unavailable") => {
            if is(2, 2) {
                22
            } else {
                20
            }
        }
        Some("Content") => 52,
        Some("Reputation") => 51,
        Some("Frequency or Volume Too High") => 50,
        Some("Technical Failure") => {
            if is(1, 2) || is(4, 4) {
                21
            } else {
                20
            }
        }
        _ => match fields.text("type").as_deref() {
            Some("blocked") => 50,
            Some("expired") => 24,
            _ => bounce_class::of_answer(status, answer),
        },
    }
}
