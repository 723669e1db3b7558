//! Events that are not stored in normalized form: members that exist only in the payload, and columns of rows older
//! than normalization.
//!
//! Such rows have their own index. It has no entries for other rows, so it costs little where senders write ASCII or
//! lower case, and every row is found in every spelling. `event-store` creates it, one partition after the other; until
//! a partition has it, searches read that partition completely.
//!
//! The functions are defined in `migrations/`. A search must name them as the index does, or the index is not used.

use crate::keyword::KeywordField;

/// Whether a row is such an event.
pub(crate) const CONDITION: &str = "unfolded(rcpt_to, friendly_from, subject, reason, campaign_id, template_id, \
                                    recipient_domain, sending_domain, event) = 1";

pub(crate) const RCPT_TO: &str = "array[folded_address(rcpt_to)]";

pub(crate) const FRIENDLY_FROM: &str = "array[folded_address(friendly_from)]";

/// The definition of the index: what follows `create index … on email_events`.
pub fn index_definition() -> String {
    let words = KeywordField::ALL.map(KeywordField::folded_words_as_sql);
    format!(
        "using gin ({}, ({RCPT_TO}), ({FRIENDLY_FROM})) where {CONDITION}",
        words.join(", ")
    )
}
