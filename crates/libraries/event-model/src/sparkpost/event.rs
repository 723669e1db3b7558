//! An event as it is stored: promoted columns and the payload.

use std::borrow::Cow;

use crate::{EventKey, Timestamp};

/// One event, ready to be stored.
///
/// The optional fields are the columns that queries filter on. They are copies: `payload` has everything. They are
/// normalized for searches: addresses and domains completely, other texts beyond ASCII (see
/// [`fold_beyond_ascii`](super::fold_beyond_ascii)), and words in `subject` and `reason` that are longer than
/// [`MAX_WORD_BYTES`](super::MAX_WORD_BYTES) are truncated. Ids and types are as sent, even if sent as numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The position in the body's array, from 0; pings take a position too.
    pub ordinal: u32,
    pub key: EventKey,
    pub timestamp: Timestamp,
    /// The `type` as sent, including undocumented ones; the class if there is none.
    pub event_type: Cow<'a, str>,
    pub transmission_id: Option<Cow<'a, str>>,
    pub message_id: Option<Cow<'a, str>>,
    pub rcpt_to: Option<Cow<'a, str>>,
    /// The domain of `rcpt_to` in lower case if the payload has no `recipient_domain`.
    pub recipient_domain: Option<Cow<'a, str>>,
    pub campaign_id: Option<Cow<'a, str>>,
    pub template_id: Option<Cow<'a, str>>,
    pub subject: Option<Cow<'a, str>>,
    pub friendly_from: Option<Cow<'a, str>>,
    /// The domain of `friendly_from` in lower case if the payload has no `sending_domain`.
    pub sending_domain: Option<Cow<'a, str>>,
    pub reason: Option<Cow<'a, str>>,
    /// `None` also if the payload's value does not fit.
    pub subaccount_id: Option<i32>,
    /// `None` also if the payload's value does not fit.
    pub bounce_class: Option<i16>,
    /// The object inside the class, as JSON text; changed only where Postgres could not store it.
    pub payload: Cow<'a, str>,
}

impl Event<'_> {
    /// The same event, without borrowing from the body.
    pub fn into_owned(self) -> Event<'static> {
        Event {
            ordinal: self.ordinal,
            key: self.key,
            timestamp: self.timestamp,
            event_type: owned(self.event_type),
            transmission_id: self.transmission_id.map(owned),
            message_id: self.message_id.map(owned),
            rcpt_to: self.rcpt_to.map(owned),
            recipient_domain: self.recipient_domain.map(owned),
            campaign_id: self.campaign_id.map(owned),
            template_id: self.template_id.map(owned),
            subject: self.subject.map(owned),
            friendly_from: self.friendly_from.map(owned),
            sending_domain: self.sending_domain.map(owned),
            reason: self.reason.map(owned),
            subaccount_id: self.subaccount_id,
            bounce_class: self.bounce_class,
            payload: owned(self.payload),
        }
    }
}

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}
