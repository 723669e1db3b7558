//! SparkPost's bounce class of the words of SES.

use crate::bounce_class as classes;

/// The class of a bounce in the words of SES, which Resend has too.
pub(in crate::senders) fn of_bounce(
    kind: Option<&str>,
    sub_kind: Option<&str>,
    status: Option<&str>,
    answer: Option<&str>,
) -> u16 {
    let is_address = status
        .or(answer)
        .and_then(classes::enhanced_status)
        .is_some_and(|(_, subject, _)| subject == 1);
    match (kind, sub_kind) {
        (Some("Undetermined"), _) => classes::UNDETERMINED,
        (Some("Permanent"), Some("NoEmail")) => 10,
        (Some("Permanent"), Some("General")) => {
            if is_address {
                10
            } else {
                30
            }
        }
        (Some("Permanent"), Some("Suppressed" | "OnAccountSuppressionList")) => 25,
        (Some("Transient"), Some("General")) => 20,
        (_, Some("MailboxFull")) => 22,
        (_, Some("MessageTooLarge")) => 23,
        (_, Some("ContentRejected")) => 52,
        (_, Some("AttachmentRejected")) => 53,
        (_, Some("CustomTimeoutExceeded")) => 24,
        _ => classes::of_answer(status, answer),
    }
}

/// The class of a delay.
pub(super) fn of_delay(kind: Option<&str>) -> u16 {
    match kind {
        Some("MailboxFull") => 22,
        Some("SpamDetected") => 51,
        Some("IPFailure") => 50,
        Some("BYOIPHostNameLookupUnavailable") => 21,
        Some("Undetermined") | None => classes::UNDETERMINED,
        Some(_) => 70,
    }
}
