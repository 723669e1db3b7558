//! Decodes the elements of one batch into events.

use std::borrow::Cow;
use std::collections::HashMap;

use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::address::domain_of;
use super::batch_builder::MAX_EVENT_BYTES;
use super::elements::Element;
use super::envelope::{self, Envelope};
use super::event::Event;
use super::event_time::AcceptedTimes;
use super::fields::{Fields, MAX_NAME_BYTES, check_bytes, check_length};
use super::identity::identity_of;
use super::reject_reason::RejectReason;
use super::repair;
use crate::EventKey;

/// Decodes one element after the other, with the state of the batch.
pub(super) struct Decoder {
    accepted_times: AcceptedTimes,
    /// How often each digest prefix of an event without an id has occurred. If two events collide, the second only gets
    /// the key of a repeated event, the same in every delivery.
    without_id: HashMap<u64, u32>,
    sanitized: usize,
}

impl Decoder {
    pub(super) fn new(now: OffsetDateTime) -> Self {
        Self {
            accepted_times: AcceptedTimes::at(now),
            without_id: HashMap::new(),
            sanitized: 0,
        }
    }

    /// How many events so far differ from what was sent.
    pub(super) fn sanitized(&self) -> usize {
        self.sanitized
    }

    /// The size of the state in bytes, including a table that has just doubled.
    pub(super) fn memory_bytes(&self) -> usize {
        const ENTRY_BYTES: usize = 2 * (size_of::<(u64, u32)>() + 1);
        self.without_id.len() * ENTRY_BYTES
    }

    /// Decodes one element of the array, which must have no problem; `None` for a ping.
    pub(super) fn decode<'a>(
        &mut self,
        element: &Element<'a>,
    ) -> Result<Option<Event<'a>>, RejectReason> {
        // Before the repair, which may triple its size.
        check_bytes("event", element.raw.len(), MAX_EVENT_BYTES)?;
        match repair::to_storable(element.raw) {
            Cow::Borrowed(text) => {
                let envelope = match &element.usual {
                    Some(usual) => usual.open(),
                    None => envelope::open(text)?,
                };
                self.decode_envelope(element, envelope)
            }
            Cow::Owned(text) => {
                let event = self.decode_envelope(element, envelope::open(&text)?)?;
                self.sanitized += usize::from(event.is_some());
                Ok(event.map(Event::into_owned))
            }
        }
    }

    /// `envelope` is that of the repaired element.
    fn decode_envelope<'t>(
        &mut self,
        element: &Element<'_>,
        envelope: Envelope<'t>,
    ) -> Result<Option<Event<'t>>, RejectReason> {
        let (class, payload) = match envelope {
            Envelope::Ping => return Ok(None),
            Envelope::Event { class, payload } => (class, payload),
        };
        // The type of an event without one.
        check_length("class", &class, MAX_NAME_BYTES)?;
        let fields = Fields::read(payload)?;
        let timestamp = self.accepted_times.read(fields.timestamp)?;
        let event_type = fields.event_type.unwrap_or(class);
        let recipient_domain = fields
            .recipient_domain
            .or_else(|| fields.rcpt_to.as_ref().and_then(domain_of));
        let sending_domain = fields
            .sending_domain
            .or_else(|| fields.friendly_from.as_ref().and_then(domain_of));
        let key = match &fields.event_id {
            Some(event_id) => EventKey::from_id(&event_type, event_id),
            None => self.key_without_id(&identity_of(&event_type, payload)?),
        };
        Ok(Some(Event {
            ordinal: element.ordinal,
            key,
            timestamp,
            event_type,
            transmission_id: fields.transmission_id,
            message_id: fields.message_id,
            rcpt_to: fields.rcpt_to,
            recipient_domain,
            campaign_id: fields.campaign_id,
            template_id: fields.template_id,
            subject: fields.subject,
            friendly_from: fields.friendly_from,
            sending_domain,
            reason: fields.reason,
            subaccount_id: fields.subaccount_id,
            bounce_class: fields.bounce_class,
            payload: Cow::Borrowed(payload),
        }))
    }

    fn key_without_id(&mut self, element: &[u8]) -> EventKey {
        let digest: [u8; 32] = Sha256::digest(element).into();
        let start = digest
            .first_chunk()
            .map_or(0, |start| u64::from_be_bytes(*start));
        let seen = self.without_id.entry(start).or_insert(0);
        let key = EventKey::from_bytes_digest(&digest, *seen);
        *seen = seen.saturating_add(1);
        key
    }
}
