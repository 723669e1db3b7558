//! What senders take for an acknowledgement, what they repeat and how often. The sources are in docs/operations.md and docs/senders.md.

use event_model::Pipeline;

use crate::prove::{
    events::other::{is_bounce_of_postmark, is_delivery_of_mailgun},
    plan::{Batch, OtherSender},
};

/// What a sender does after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Done,
    Repeat,
    Drop,
}

/// After a response with this status; `None` stands for no response.
pub(super) fn next(pipeline: Pipeline, other: Option<OtherSender>, status: Option<u16>) -> Next {
    if let Some(other) = other {
        return next_of_other(other, status);
    }
    match (pipeline, status) {
        // Only 200 counts, and everything else is repeated.
        (Pipeline::EmailEvents, Some(200))
        | (Pipeline::AppEvents, Some(200 | 202))
        | (Pipeline::ProductEvents, Some(200..=299)) => Next::Done,
        (Pipeline::EmailEvents, _)
        | (_, None)
        | (Pipeline::AppEvents, Some(408 | 429 | 500 | 502..=504))
        | (Pipeline::ProductEvents, Some(429 | 500..=599)) => Next::Repeat,
        (Pipeline::AppEvents | Pipeline::ProductEvents, Some(_)) => Next::Drop,
    }
}

fn next_of_other(other: OtherSender, status: Option<u16>) -> Next {
    match (other, status) {
        (OtherSender::Mailgun | OtherSender::Postmark, Some(200))
        | (
            OtherSender::SendGrid | OtherSender::Resend | OtherSender::Bird | OtherSender::Ses,
            Some(200..=299),
        ) => Next::Done,
        (OtherSender::Mailgun, Some(406))
        | (OtherSender::Postmark, Some(403))
        | (OtherSender::Bird, Some(410)) => Next::Drop,
        (
            OtherSender::SendGrid
            | OtherSender::Ses
            | OtherSender::Mailgun
            | OtherSender::Postmark
            | OtherSender::Resend
            | OtherSender::Bird,
            _,
        ) => Next::Repeat,
    }
}

/// The attempts before a delivery is given up: SparkPost's twelve, Segment's ten, and mParticle's "limited number".
pub(super) fn attempts(seed: u64, batch: &Batch) -> u32 {
    match (batch.pipeline, batch.other) {
        // Of deliveries it makes one.
        (_, Some(OtherSender::Mailgun)) if is_delivery_of_mailgun(seed, batch) => 1,
        (_, Some(OtherSender::Mailgun)) => 7,
        (_, Some(OtherSender::Postmark)) if is_bounce_of_postmark(seed, batch) => 11,
        (_, Some(OtherSender::Postmark)) => 4,
        (_, Some(OtherSender::Resend)) => 8,
        // SendGrid and Firehose go on for 24 hours.
        (_, Some(OtherSender::SendGrid | OtherSender::Ses)) | (Pipeline::EmailEvents, None) => 12,
        // What Standard Webhooks advises Bird.
        (_, Some(OtherSender::Bird)) | (Pipeline::ProductEvents, None) => 10,
        (Pipeline::AppEvents, None) => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As docs/operations.md has it in its table of senders.
    #[test]
    fn senders_react_as_they_document() {
        use Next::{Done, Drop, Repeat};
        let table = [
            (Some(200), [Done, Done, Done]),
            (Some(202), [Repeat, Done, Done]),
            (Some(204), [Repeat, Drop, Done]),
            (Some(401), [Repeat, Drop, Drop]),
            (Some(404), [Repeat, Drop, Drop]),
            (Some(413), [Repeat, Drop, Drop]),
            (Some(429), [Repeat, Repeat, Repeat]),
            (Some(500), [Repeat, Repeat, Repeat]),
            (Some(503), [Repeat, Repeat, Repeat]),
            (None, [Repeat, Repeat, Repeat]),
        ];
        for (status, expected) in table {
            assert_eq!(
                Pipeline::ALL.map(|pipeline| next(pipeline, None, status)),
                expected,
                "{status:?}"
            );
        }
    }

    /// In the order of [`OtherSender::ALL`]: `SendGrid`, SES by Firehose, Mailgun, Postmark, Resend, Bird.
    #[test]
    fn other_senders_end_their_attempts_after_one_status_only() {
        use Next::{Done, Drop, Repeat};
        let table = [
            (Some(200), [Done, Done, Done, Done, Done, Done]),
            (Some(204), [Done, Done, Repeat, Repeat, Done, Done]),
            (Some(401), [Repeat; 6]),
            (Some(403), [Repeat, Repeat, Repeat, Drop, Repeat, Repeat]),
            (Some(406), [Repeat, Repeat, Drop, Repeat, Repeat, Repeat]),
            (Some(410), [Repeat, Repeat, Repeat, Repeat, Repeat, Drop]),
            (Some(503), [Repeat; 6]),
            (None, [Repeat; 6]),
        ];
        for (status, expected) in table {
            let email = Pipeline::EmailEvents;
            let reactions = OtherSender::ALL.map(|other| next(email, Some(other), status));
            assert_eq!(reactions, expected, "{status:?}");
        }
    }
}
