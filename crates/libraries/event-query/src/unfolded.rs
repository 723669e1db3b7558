//! Events that are not stored in the form in which texts are compared: members that only the payload has, which stay as
//! they were sent, and columns from before they were folded.
//!
//! Such rows have an index of their own. What it holds of others is nothing, so it costs little where senders write ASCII
//! or small letters, and any row is found in every spelling. `event-store` makes it, on one partition after the other; until
//! a partition has it, searches that look into that partition read all of it.
//!
//! The functions are defined in `migrations/`. A search must name them as the index does, or the index is not used.

use crate::keyword::KeywordField;

/// Whether a row is one of them.
pub(crate) const CONDITION: &str = "unfolded(rcpt_to, friendly_from, subject, reason, campaign_id, template_id, \
                                    recipient_domain, sending_domain, event) = 1";

pub(crate) const RCPT_TO: &str = "array[folded_address(rcpt_to)]";

pub(crate) const FRIENDLY_FROM: &str = "array[folded_address(friendly_from)]";

/// How the index is defined: what follows `create index … on email_events`.
pub fn index_definition() -> String {
    let words = KeywordField::ALL.map(KeywordField::folded_words_as_sql);
    format!(
        "using gin ({}, ({RCPT_TO}), ({FRIENDLY_FROM})) where {CONDITION}",
        words.join(", ")
    )
}
