//! The table of senders. Nothing outside of this crate knows a provider's name.

use crate::{
    fields::Fields,
    proof::{Received, Refused},
    rows::Rows,
    senders,
    setup::{Setup, TestDelivery, Trial},
};

/// A provider of emails: what its file in `senders/` says about it.
#[derive(Debug)]
pub struct Sender {
    /// Its name in the route, in object keys and in events, such as `sendgrid`.
    pub name: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// How its requests prove themselves; none of one that does not post.
    pub proof: Option<Proof>,
    /// The header with the id of a delivery, for one that identifies its events by it.
    pub id_headers: &'static [&'static str],
    /// Adds what one element of a body becomes.
    pub(crate) translate: fn(&Element<'_>, &mut Rows<'_>),
}

/// How requests prove that they are the provider's.
#[derive(Debug)]
pub struct Proof {
    /// What its secret is and where the provider shows it, for a person.
    pub secret: &'static str,
    /// How a person sets the webhook up.
    pub setup: Setup,
    /// The headers that the proof needs, in lower case: they are kept with a body that did not verify.
    pub headers: &'static [&'static str],
    /// The status that makes the provider send the request again after a wrong proof.
    pub refusal_status: u16,
    /// Whether a text can be a secret of this kind; the error says what is expected.
    pub(crate) check_secret: fn(&str) -> Result<(), &'static str>,
    /// Checks a request against one secret.
    pub(crate) verify: fn(&Received<'_>, &str) -> Result<(), Refused>,
    /// Makes the delivery of the provider's test button.
    pub(crate) test: fn(&Trial<'_>) -> TestDelivery,
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
}

impl Sender {
    /// The sender of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().find(|sender| sender.name == name)
    }

    /// Every sender, by name.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        senders::ALL.into_iter()
    }
}

impl Proof {
    /// Checks that a request is the provider's, on the exact bytes of its body, with each of the secrets.
    ///
    /// # Errors
    /// When no secret proves it, with what the last one says; an empty secret proves nothing.
    pub fn check<'s>(
        &self,
        received: &Received<'_>,
        secrets: impl IntoIterator<Item = &'s str>,
    ) -> Result<(), Refused> {
        let mut outcome = Err(Refused::NoSecret);
        for secret in secrets {
            if (self.check_secret)(secret).is_err() {
                continue;
            }
            match (self.verify)(received, secret) {
                Ok(()) => return Ok(()),
                Err(refused) => outcome = Err(refused),
            }
        }
        outcome
    }

    /// Whether a text can be a secret of this provider.
    ///
    /// # Errors
    /// What is expected instead.
    pub fn check_secret(&self, secret: &str) -> Result<(), &'static str> {
        (self.check_secret)(secret)
    }

    /// The delivery of the provider's test button, with one event of this moment.
    pub fn test_delivery(&self, trial: &Trial<'_>) -> TestDelivery {
        (self.test)(trial)
    }
}
