//! SparkPost's bounce class of Mailgun's words and codes.

use crate::{bounce_class, fields::Fields};

/// The class of an event, from its reason, its status, its code and what the mail server answered.
pub(super) fn of(
    data: &Fields<'_>,
    status: &Fields<'_>,
    code: Option<&str>,
    answer: Option<&str>,
) -> u16 {
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
