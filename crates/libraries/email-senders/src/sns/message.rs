//! The members of a message, as they are signed.

use std::borrow::Cow;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use event_model::{json::Text, read_instant};

use super::{certificate::Hash, url::SnsUrl};
use crate::{
    fields::{is_json, pick},
    proof::Refused,
};

/// Signatures of keys of 1,024 to 8,192 bits.
const SIGNATURE_BYTES: std::ops::RangeInclusive<usize> = 128..=1_024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Notification,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
}

impl Kind {
    const ALL: [Self; 3] = [
        Self::Notification,
        Self::SubscriptionConfirmation,
        Self::UnsubscribeConfirmation,
    ];

    /// Its value of the member `Type`.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Notification => "Notification",
            Self::SubscriptionConfirmation => "SubscriptionConfirmation",
            Self::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        }
    }
}

/// A message whose members are there. Nothing of it is proven.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) kind: Kind,
    pub(super) hash: Hash,
    pub(super) signature: Vec<u8>,
    pub(super) certificate_url: Cow<'a, str>,
    /// Seconds since 1970.
    pub(super) published_at: i64,
    topic: Cow<'a, str>,
    content: Cow<'a, str>,
    id: Cow<'a, str>,
    subject: Option<Cow<'a, str>>,
    timestamp: Cow<'a, str>,
    subscribe_url: Option<Cow<'a, str>>,
    token: Option<Cow<'a, str>>,
}

impl<'a> Message<'a> {
    /// The message in a body, if it is one of a topic.
    pub(super) fn of_topic(body: &'a [u8], topic: &str) -> Result<Self, Refused> {
        let text = text(body)?;
        // The topic alone is compared first: nothing else of a stranger's body is looked at.
        let [found] = pick(text, ["TopicArn"]);
        if found.and_then(string).ok_or(Refused::Missing)? != topic {
            return Err(Refused::OtherTopic);
        }
        Self::read(text)
    }

    /// The message in a body.
    pub(super) fn of(body: &'a [u8]) -> Result<Self, Refused> {
        text(body).and_then(Self::read)
    }

    fn read(text: &'a str) -> Result<Self, Refused> {
        let members = pick(
            text,
            [
                "Type",
                "Message",
                "MessageId",
                "Subject",
                "Timestamp",
                "TopicArn",
                "SubscribeURL",
                "Token",
                "SignatureVersion",
                "Signature",
                "SigningCertURL",
            ],
        );
        let [
            kind,
            content,
            id,
            subject,
            timestamp,
            topic,
            subscribe_url,
            token,
            version,
            signature,
            certificate_url,
        ] = members.map(|json| json.and_then(string));
        let needed = |member: Option<Cow<'a, str>>| member.ok_or(Refused::Missing);
        let kind = needed(kind)?;
        let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind);
        let timestamp = needed(timestamp)?;
        let published_at = read_instant(&timestamp).map(|instant| instant.unix_millis() / 1_000);
        let signature = BASE64_STANDARD.decode(needed(signature)?.as_bytes()).ok();
        let hash = match needed(version)?.as_ref() {
            "1" => Some(Hash::Sha1),
            "2" => Some(Hash::Sha256),
            _ => None,
        };
        let message = Self {
            kind: kind.ok_or(Refused::Malformed)?,
            hash: hash.ok_or(Refused::Malformed)?,
            signature: signature
                .filter(|bytes| SIGNATURE_BYTES.contains(&bytes.len()))
                .ok_or(Refused::Malformed)?,
            certificate_url: needed(certificate_url)?,
            published_at: published_at.ok_or(Refused::Malformed)?,
            topic: needed(topic)?,
            content: needed(content)?,
            id: needed(id)?,
            subject,
            timestamp,
            subscribe_url,
            token,
        };
        let is_whole = match message.kind {
            Kind::Notification => true,
            Kind::SubscriptionConfirmation | Kind::UnsubscribeConfirmation => {
                message.subscribe_url.is_some() && message.token.is_some()
            }
        };
        is_whole.then_some(message).ok_or(Refused::Missing)
    }

    /// What is signed: each member's name and value in a line of its own, in the order of their names.
    pub(super) fn to_signed_text(&self) -> String {
        let is_notice = self.kind == Kind::Notification;
        let members = [
            ("Message", Some(&*self.content)),
            ("MessageId", Some(&*self.id)),
            ("Subject", self.subject.as_deref().filter(|_| is_notice)),
            (
                "SubscribeURL",
                self.subscribe_url.as_deref().filter(|_| !is_notice),
            ),
            ("Timestamp", Some(&*self.timestamp)),
            ("Token", self.token.as_deref().filter(|_| !is_notice)),
            ("TopicArn", Some(&*self.topic)),
            ("Type", Some(self.kind.as_str())),
        ];
        let mut text = String::with_capacity(self.content.len() + 1_024);
        for (name, value) in members {
            if let Some(value) = value {
                text.extend([name, "\n", value, "\n"]);
            }
        }
        text
    }

    /// The address that confirms the subscription, if it is one of SNS.
    pub(super) fn subscribe_url(&self) -> Option<SnsUrl> {
        SnsUrl::of_confirmation(self.subscribe_url.as_deref()?)
    }
}

/// The body as text, if it is one object and nothing else: what followed it would not be signed.
fn text(body: &[u8]) -> Result<&str, Refused> {
    let text = std::str::from_utf8(body).map_err(|_| Refused::Malformed)?;
    if text.is_empty() {
        return Err(Refused::Missing);
    }
    let is_object = text.trim_ascii_start().starts_with('{') && is_json(text);
    is_object.then_some(text).ok_or(Refused::Malformed)
}

/// The value of a member that is a string, which may be empty.
fn string(json: &str) -> Option<Cow<'_, str>> {
    let is_string = json.starts_with('"');
    is_string
        .then(|| serde_json::from_str::<Text<'_>>(json).ok())?
        .map(|Text(text)| text)
}
