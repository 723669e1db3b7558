//! What a provider's file in `senders/` says about it. Nothing outside of this crate knows a provider's name.

use event_model::BatchKey;

use crate::{
    fields::Fields,
    proof::{Received, Refused},
    rows::Rows,
    setup::{Setup, TestDelivery, Trial},
    sns::{Purpose, SnsUrl},
};

/// A provider of emails whose webhooks are known.
#[derive(Debug)]
pub(crate) struct Provider {
    /// Its name in the route, in object keys and in events, such as `sendgrid`.
    pub(crate) name: &'static str,
    /// Its name for people.
    pub(crate) label: &'static str,
    /// How its requests prove themselves; none of one that does not post.
    pub(crate) proof: Option<Scheme>,
    /// The header with the id of a delivery, for one that identifies its events by it.
    pub(crate) id_headers: &'static [&'static str],
    /// Adds what one element of a body becomes.
    pub(crate) translate: fn(&Element<'_>, &mut Rows<'_>),
}

/// How requests prove that they are the provider's.
#[derive(Debug)]
pub(crate) struct Scheme {
    /// What its secret is and where the provider shows it, for a person.
    pub(crate) secret: &'static str,
    /// How a person sets the webhook up.
    pub(crate) setup: Setup,
    /// The headers that the proof needs, in lower case: they are kept with a body that did not verify.
    pub(crate) headers: &'static [&'static str],
    /// The status that makes the provider send the request again after a wrong proof.
    pub(crate) refusal_status: u16,
    /// Whether a text can be a secret of this kind; the error says what is expected.
    pub(crate) check_secret: fn(&str) -> Result<(), &'static str>,
    /// Checks a request against one secret.
    pub(crate) verify: fn(&Received<'_>, &str) -> Result<(), Refused>,
    /// What is particular to requests that are signed with a certificate.
    pub(crate) certified: Option<Certified>,
    /// Makes the delivery of the provider's test button.
    pub(crate) test: fn(&Trial<'_>) -> TestDelivery,
}

/// How requests are read that name the certificate that they are signed with.
#[derive(Debug)]
pub(crate) struct Certified {
    /// Where the certificate of a request is, after every check against one secret that needs no certificate.
    pub(crate) url: fn(&Received<'_>, &str) -> Result<SnsUrl, Refused>,
    /// What a proven request is for.
    pub(crate) purpose: fn(&Received<'_>) -> Purpose,
}

/// One event of a body as the provider sent it.
#[derive(Debug)]
pub(crate) struct Element<'a> {
    /// Its JSON text, an object.
    pub(crate) text: &'a str,
    /// Its members.
    pub(crate) fields: Fields<'a>,
    /// The id of the delivery, or the hash of its body if it has none; of a body with several elements also their number.
    pub(crate) delivery_id: &'a str,
    /// The UTC day on which the delivery arrived, as `2026-11-30`.
    pub(crate) day: &'a str,
}

impl Provider {
    /// The key under which a delivery is stored.
    pub(crate) fn batch_key(&self, received: &Received<'_>) -> BatchKey {
        let id = self
            .id_headers
            .iter()
            .find_map(|name| (received.header)(name));
        BatchKey::of_sender(self.name, id, received.body)
    }
}
