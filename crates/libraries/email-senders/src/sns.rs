//! Messages of Amazon SNS: signed with a certificate that each of them names. A signature says that SNS sent a message, for any of its customers,
//! so the topic has to be the stored one. Everything else is checked before the certificate, so that no stranger makes a function
//! fetch one.
//!
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html>

mod certificate;
mod message;
mod url;

pub use certificate::{CertificateError, SigningCertificate};
pub use url::SnsUrl;

use crate::proof::{Received, Refused};
use message::{Kind, Message};

/// How long after its publication a message counts: SNS repeats it for 3,600 s at most, in 100 attempts of 15 s each at most, and clocks
/// differ by five minutes (<https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html>). Events have keys, so a message
/// that is replayed within that time changes nothing.
const MAX_AGE_SECONDS: i64 = 90 * 60;
/// How far a message's time may be in the future.
const MAX_LEAD_SECONDS: i64 = 300;

/// What a proven request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It has events, and is stored.
    Delivery,
    /// The provider asks whether the address wants its events: a GET of this address says yes.
    Confirmation(SnsUrl),
    /// The provider sends nothing more, because somebody has removed the address.
    Cancellation,
}

/// The headers that SNS sends and a body does not need; they say in which way it came.
pub(crate) const HEADERS: &[&str] = &[
    "x-amz-sns-message-type",
    "x-amz-sns-message-id",
    "x-amz-sns-rawdelivery",
];

/// Where the certificate of a message is, after all checks that need none.
pub(crate) fn certificate_url(received: &Received<'_>, topic: &str) -> Result<SnsUrl, Refused> {
    Message::of_topic(received.body, topic).and_then(|message| check(&message, received))
}

/// Checks a message with its certificate.
pub(crate) fn verify(received: &Received<'_>, topic: &str) -> Result<(), Refused> {
    let message = Message::of_topic(received.body, topic)?;
    check(&message, received)?;
    let certificate = received.certificate.ok_or(Refused::NoCertificate)?;
    certificate.require_valid_at(received.now)?;
    certificate.verify(message.hash, &message.to_signed_text(), &message.signature)
}

/// What a message is for.
pub(crate) fn purpose(received: &Received<'_>) -> Purpose {
    // One that is not understood is not proven either.
    let Ok(message) = Message::of(received.body) else {
        return Purpose::Delivery;
    };
    match message.kind {
        Kind::Notification => Purpose::Delivery,
        Kind::UnsubscribeConfirmation => Purpose::Cancellation,
        Kind::SubscriptionConfirmation => message
            .subscribe_url()
            .map_or(Purpose::Delivery, Purpose::Confirmation),
    }
}

fn check(message: &Message<'_>, received: &Received<'_>) -> Result<SnsUrl, Refused> {
    let age = received.now.unix_timestamp() - message.published_at;
    if !(-MAX_LEAD_SECONDS..=MAX_AGE_SECONDS).contains(&age) {
        return Err(Refused::Stale);
    }
    if message.kind == Kind::SubscriptionConfirmation {
        message.subscribe_url().ok_or(Refused::Untrusted)?;
    }
    SnsUrl::of_certificate(&message.certificate_url).ok_or(Refused::Untrusted)
}

/// Whether a text is the ARN of a topic that SES can publish to and that can post: `arn:aws:sns:<region>:<account>:<name>`. Those of FIFO
/// topics, which end in `.fifo`, can do neither (<https://docs.aws.amazon.com/sns/latest/dg/sns-fifo-topics.html>).
pub(crate) fn check_topic(arn: &str) -> Result<(), &'static str> {
    let is_of = |text: &str, is_one: fn(u8) -> bool| !text.is_empty() && text.bytes().all(is_one);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let parts: Vec<&str> = arn.split(':').collect();
    match parts[..] {
        ["arn", partition, "sns", region, account, name] => {
            let is_topic = partition.starts_with("aws")
                && is_of(partition, is_name)
                && is_of(region, is_name)
                && account.len() == 12
                && is_of(account, |byte| byte.is_ascii_digit())
                && name.len() <= 256
                && is_of(name, is_name);
            if is_topic {
                Ok(())
            } else {
                Err("the ARN of a standard topic: arn:aws:sns:<region>:<account>:<name>")
            }
        }
        ["arn", _, "sns", _, _, _, _] => Err("the ARN of the topic, and this is a subscription's"),
        _ => Err("the ARN of a topic of SNS: arn:aws:sns:<region>:<account>:<name>"),
    }
}
