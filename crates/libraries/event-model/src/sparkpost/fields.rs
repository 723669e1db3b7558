//! The fields of an event that Cistern reads.

use std::borrow::Cow;
use std::str::FromStr;

use super::folding::{fold_address, fold_beyond_ascii, fold_domain};
use super::jsonb;
use super::object::for_each_member;
use super::reject_reason::{JsonKind, RejectReason};
use super::word::clip_words;
use crate::json::Text;

/// The longest accepted value of a column that is or may be indexed, in bytes of UTF-8.
///
/// A Postgres B-tree refuses entries of more than about 2,700 bytes, which would fail the whole batch. Real addresses
/// and ids are far shorter.
pub const MAX_NAME_BYTES: usize = 1_024;

/// The longest accepted `subject` and `reason`, in bytes of UTF-8.
pub const MAX_PROSE_BYTES: usize = 65_536;

/// The promoted fields, with absent, null and empty values all `None`.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub(super) event_type: Option<Cow<'a, str>>,
    pub(super) event_id: Option<Cow<'a, str>>,
    pub(super) timestamp: Option<Cow<'a, str>>,
    pub(super) transmission_id: Option<Cow<'a, str>>,
    pub(super) message_id: Option<Cow<'a, str>>,
    pub(super) rcpt_to: Option<Cow<'a, str>>,
    pub(super) recipient_domain: Option<Cow<'a, str>>,
    pub(super) campaign_id: Option<Cow<'a, str>>,
    pub(super) template_id: Option<Cow<'a, str>>,
    pub(super) subject: Option<Cow<'a, str>>,
    pub(super) friendly_from: Option<Cow<'a, str>>,
    pub(super) sending_domain: Option<Cow<'a, str>>,
    pub(super) reason: Option<Cow<'a, str>>,
    pub(super) subaccount_id: Option<i32>,
    pub(super) bounce_class: Option<i16>,
}

impl<'a> Fields<'a> {
    /// Reads the fields of an event, the JSON text of an object, and checks that Postgres can store the rest.
    pub(super) fn read(payload: &'a str) -> Result<Self, RejectReason> {
        let mut fields = Self::default();
        for_each_member(payload, |name, value| {
            jsonb::check_storable(value)?;
            fields.set(&name, value)
        })?;
        Ok(fields)
    }

    fn set(&mut self, member: &str, value: &'a str) -> Result<(), RejectReason> {
        let name = |field| text(field, value, MAX_NAME_BYTES);
        let folded = |field| Ok(name(field)?.map(fold_beyond_ascii));
        let domain = |field| Ok(name(field)?.map(fold_domain));
        let address = |field| Ok(name(field)?.map(fold_address));
        let prose = |field| {
            Ok(text(field, value, MAX_PROSE_BYTES)?
                .map(fold_beyond_ascii)
                .map(clip_words))
        };
        match member {
            "type" => self.event_type = name("type")?,
            "event_id" => self.event_id = name("event_id")?,
            "timestamp" => self.timestamp = name("timestamp")?,
            "transmission_id" => self.transmission_id = name("transmission_id")?,
            "message_id" => self.message_id = name("message_id")?,
            "rcpt_to" => self.rcpt_to = address("rcpt_to")?,
            "recipient_domain" => self.recipient_domain = domain("recipient_domain")?,
            "campaign_id" => self.campaign_id = folded("campaign_id")?,
            "template_id" => self.template_id = folded("template_id")?,
            "friendly_from" => self.friendly_from = address("friendly_from")?,
            "sending_domain" => self.sending_domain = domain("sending_domain")?,
            "subject" => self.subject = prose("subject")?,
            "reason" => self.reason = prose("reason")?,
            "subaccount_id" => self.subaccount_id = parsed(name("subaccount_id")?),
            "bounce_class" => self.bounce_class = parsed(name("bounce_class")?),
            // No columns, but indexed where they are.
            "ip_pool" => check_length("ip_pool", value, MAX_NAME_BYTES)?,
            "ab_test_id" => check_length("ab_test_id", value, MAX_NAME_BYTES)?,
            "mailbox_provider" => check_length("mailbox_provider", value, MAX_NAME_BYTES)?,
            "mailbox_provider_region" => {
                check_length("mailbox_provider_region", value, MAX_NAME_BYTES)?;
            }
            "sending_ip" => check_length("sending_ip", value, MAX_NAME_BYTES)?,
            "provider" => check_length("provider", value, MAX_NAME_BYTES)?,
            _ => {}
        }
        Ok(())
    }
}

/// A scalar as text: strings unescaped, numbers and booleans as written.
fn text<'a>(
    field: &'static str,
    value: &'a str,
    limit: usize,
) -> Result<Option<Cow<'a, str>>, RejectReason> {
    let text = match JsonKind::of(value.as_bytes()) {
        JsonKind::Null => return Ok(None),
        JsonKind::String => unescape(value)?,
        JsonKind::Number | JsonKind::Boolean => Cow::Borrowed(value),
        found @ (JsonKind::Array | JsonKind::Object) => {
            return Err(RejectReason::NotText { field, found });
        }
    };
    check_length(field, &text, limit)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// Checks that a text is at most `limit` bytes long.
pub(super) fn check_length(
    field: &'static str,
    text: &str,
    limit: usize,
) -> Result<(), RejectReason> {
    check_bytes(field, text.len(), limit)
}

/// Checks that something of `length` bytes is at most `limit` bytes long.
pub(super) fn check_bytes(
    field: &'static str,
    length: usize,
    limit: usize,
) -> Result<(), RejectReason> {
    if length > limit {
        return Err(RejectReason::TooLong {
            field,
            length,
            limit,
        });
    }
    Ok(())
}

/// An integer sent as a number or as a string. If it does not fit into its column, the column is empty; the payload has
/// it.
fn parsed<N: FromStr>(text: Option<Cow<'_, str>>) -> Option<N> {
    text?.parse().ok()
}

/// The content of a JSON string.
fn unescape(string: &str) -> Result<Cow<'_, str>, RejectReason> {
    Text::of(string).map_err(|error| RejectReason::UnreadableItem {
        problem: error.to_string(),
    })
}
